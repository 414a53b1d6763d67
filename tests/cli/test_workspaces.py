"""`turnout workspaces set`: what a workspace chooses, from a terminal."""

from __future__ import annotations


def test_choices_are_set_shown_and_emptied(command, house):
    ours = command.tenant.workspace.id

    def chosen():
        return house.services.catalog.workspace(ours)

    def set_(*options):
        return command("workspaces", "set", ours, *options, where=("--data", str(house.services.settings.data)))

    done = set_(
        *("--addresses", "truncated", "--retention-days", "90", "--live-tokens", "required"),
        *("--allow-agent", "our-monitor", "--allow-agent", "Probe, 2", "--allow-network", "203.0.113.0/24"),
    )
    assert done.out.splitlines()[1:] == [
        "  addresses: truncated",
        "  allow agents: our-monitor, Probe, 2",
        "  allow networks: 203.0.113.0/24",
        "  retention days: 90",
        "  live tokens: required",
    ]
    assert (chosen().addresses, chosen().retention_days, chosen().live_tokens) == ("truncated", 90, "required")
    assert chosen().allow_agents == ("our-monitor", "Probe, 2")
    emptied = set_("--allow-agent", "", "--retention-days", "0")
    assert emptied.out.splitlines()[1:] == ["  allow agents: none", "  retention days: 0"]
    assert (chosen().allow_agents, chosen().allow_networks) == ((), ("203.0.113.0/24",))


def test_what_can_t_be_chosen_is_said(command, house):
    where = ("--data", str(house.services.settings.data))
    ours = command.tenant.workspace.id
    for option, value, words in (
        ("--allow-network", "203.0.113.0/33", "'203.0.113.0/33' is no network"),
        ("--allow-network", "::/0", "every address"),
        ("--allow-agent", "M", "at least 3 characters"),
        ("--addresses", "some", "addresses"),
    ):
        refused = command("workspaces", "set", ours, option, value, where=where)
        assert refused.code == 2, option
        assert words in refused.err, refused.err
