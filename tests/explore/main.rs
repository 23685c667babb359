//! Every shipped protocol against every order of what may happen, and copies of
//! them with one line wrong, which must be found.

mod conflict;
mod graph;
mod hub;
mod market;
mod mutants;
mod peers;
mod shipped;
mod states;
mod users;
mod vote;
