//! Every shipped protocol against every order of what may happen, and copies of
//! them with one line wrong, which must be found.

mod conflict;
mod graph;
mod mutants;
mod shipped;
mod users;
mod vote;
