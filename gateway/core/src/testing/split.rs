//! Feeds the same input whole, byte by byte and in every split in two.
