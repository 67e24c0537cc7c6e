"""Drain: move every pod that can move off a node, at the pace that their budgets allow."""
