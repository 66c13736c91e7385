"""What strangers write and we read, fed with what nobody would write: ``make fuzz``."""
