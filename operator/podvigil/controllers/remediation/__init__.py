"""The executor: carries out RemediationRequests that a person has approved, and watches what becomes of them."""
