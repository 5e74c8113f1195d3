"""The plots: each takes a teller whose hero is cast and whose place and weather are set, and tells the rest."""
