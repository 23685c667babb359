//! Every shipped protocol against every order of what may happen, and copies of
//! them with one line wrong, which must be found.

mod blackboard;
mod conflict;
mod conversation;
mod graph;
mod handoff;
mod hub;
mod market;
mod mutants;
mod peers;
mod plan;
mod route;
mod shipped;
mod states;
mod swarm;
mod users;
mod vote;
