"""Signals in time: clocks, their lazy index, signal types, and the recording that holds them."""
