"""From events to text: the output contract."""
