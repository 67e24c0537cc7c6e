"""What is probably behind an incident, and what may help: rules first, each with the evidence it used."""
