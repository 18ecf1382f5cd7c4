//! atomic write
