//! No line is lost in silence.
