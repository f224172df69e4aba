"""What the record says, for people: a plan's evidence pack, sentences, reports. It reads; the record writes itself."""
