"""Tests: the tree mirrors the code; e2e/ drives a browser, bench/ measures."""
