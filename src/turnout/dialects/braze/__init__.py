"""The room that speaks Braze: campaign analytics and the list of campaigns, as its clients expect them."""
