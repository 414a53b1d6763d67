"""What a server does soon after its start, done once in the process that the tests' servers are forked from."""

from turnout.ingest import agents

agents.warm()
