//! What checks the book as a whole; its pages in a browser are checked by the test `browser`.

mod builds;
mod clones;
mod destination;
mod exercises;
mod imports;
mod lengths;
mod links;
mod live;
mod mistakes;
mod orphans;
mod promises;
mod reader;
mod recordings;
mod reference;
mod serving;
mod skeptic;
mod theme;
