"""The room that speaks InTarget: what each message of a campaign did, and the deposits that followed."""
