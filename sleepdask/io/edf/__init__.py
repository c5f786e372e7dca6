"""European Data Format (EDF and EDF+): header, records, annotations."""
