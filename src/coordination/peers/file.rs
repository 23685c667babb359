//! What peers have come to so far, and what goes to and fro between them.

use std::sync::Arc;

use super::machine::PROPOSES;
use super::peer::{Accepted, Peer, Review};
use super::report::{PeerReport, Proposed, Round, Silence};
use super::rules::Ended;
use crate::actor::{Fault, Metadata, WorkerRef};
use crate::coordination::driver::{Act, Answer, Fed, Kept, Kinds, Payload, Seat, contained};
use crate::coordination::protocol::Fact;

/// How far one state is from another.
pub(super) type Measure<S> = Arc<dyn Fn(&S, &S) -> f64 + Send + Sync>;

/// What all runs share.
pub(super) struct Desk<S> {
    pub(super) names: Vec<Arc<str>>,
    pub(super) neighbours: Vec<Vec<usize>>,
    pub(super) threshold: f64,
    pub(super) measure: Option<Measure<S>>,
}

/// The state, and how it came about.
pub(super) struct File<S, P> {
    state: S,
    rounds: Vec<Round<P>>,
}

impl<S, P> File<S, P> {
    pub(super) fn conclude(self, ended: Ended) -> PeerReport<S, P> {
        PeerReport {
            state: self.state,
            ended,
            rounds: self.rounds,
        }
    }
}

/// What goes to and fro.
pub(super) enum Paper<S, P> {
    File(Box<File<S, P>>),
    /// What this peer proposes.
    Proposal(usize, Result<Option<P>, Fault>),
    /// What this peer thinks of the proposal of that one.
    Review(usize, usize, Result<f64, Fault>),
    /// The next state.
    State(S),
}

/// A copy of what a peer has to know.
enum Brief<S, P> {
    State(S),
    Proposal(usize, P),
}

/// The protocol fed what it should not.
pub(super) fn wrong() -> Fault {
    Fault::permanent("a peer was given what no peer gives")
}

fn answer<S, P>(paper: Paper<S, P>, fact: Fact, metadata: Metadata) -> Answer
where
    S: Send + 'static,
    P: Send + 'static,
{
    Answer {
        kept: Kept::One(Box::new(paper)),
        fact,
        metadata,
    }
}

fn brief<S, P>(payload: &Payload) -> Option<Payload>
where
    S: Clone + Send + 'static,
    P: Clone + Send + 'static,
{
    let brief = match payload.downcast_ref::<Paper<S, P>>()? {
        Paper::File(file) => Brief::State(file.state.clone()),
        Paper::Proposal(peer, Ok(Some(proposal))) => Brief::Proposal(*peer, proposal.clone()),
        _ => return None,
    };
    let brief: Brief<S, P> = brief;
    Some(Box::new(brief))
}

fn accepted<S, P>(payload: &Payload) -> Option<Payload>
where
    S: Clone + Send + 'static,
    P: Clone + Send + 'static,
{
    let Paper::<S, P>::File(file) = payload.downcast_ref()? else {
        return None;
    };
    let accepted = file.rounds.last()?.accepted();
    Some(Box::new(Accepted {
        state: file.state.clone(),
        accepted: accepted.into_iter().map(|it| it.proposal.clone()).collect(),
    }))
}

fn one<T: 'static>(payload: Payload) -> Result<T, Fault> {
    payload.downcast().map(|it| *it).map_err(|_| wrong())
}

fn many(fed: Fed) -> Result<std::vec::IntoIter<Payload>, Fault> {
    match fed {
        Fed::Many(payloads) => Ok(payloads.into_iter()),
        Fed::One(_) => Err(wrong()),
    }
}

fn single<T: 'static>(fed: Fed) -> Result<T, Fault> {
    match fed {
        Fed::One(payload) => one(payload),
        Fed::Many(_) => Err(wrong()),
    }
}

impl<S, P> Peer<S, P>
where
    S: Clone + Send + 'static,
    P: Clone + Send + 'static,
{
    /// Where it proposes.
    pub(super) fn proposes_seat(&self, at: usize) -> Seat {
        let (name, proposes) = (Arc::clone(&self.name), self.proposes.clone());
        let act = Act::asking(move |fed| {
            let (name, proposes) = (Arc::clone(&name), proposes.clone());
            async move {
                let Brief::<S, P>::State(state) = single(fed)? else {
                    return Err(wrong());
                };
                let said = contained(&name, async { proposes.ask(state).await }).await;
                let says = said.as_ref().map_or(Metadata::default(), |it| it.metadata);
                let proposal = said.map(|served| served.value);
                let fact = match &proposal {
                    Ok(Some(_)) => PROPOSES,
                    _ => Fact::Nothing,
                };
                Ok(answer(Paper::<S, P>::Proposal(at, proposal), fact, says))
            }
        });
        seat::<S, P>(&self.name, act, brief::<S, P>)
    }

    /// Where it reviews.
    pub(super) fn reviews_seat(&self, at: usize, names: &Arc<[Arc<str>]>) -> Seat {
        let (name, reviews) = (Arc::clone(&self.name), self.reviews.clone());
        let names = Arc::clone(names);
        let act = Act::asking(move |fed| {
            let (name, reviews) = (Arc::clone(&name), reviews.clone());
            let names = Arc::clone(&names);
            async move {
                let mut briefs = many(fed)?.map(one::<Brief<S, P>>);
                let (Some(Ok(Brief::State(state))), Some(Ok(Brief::Proposal(of, proposal)))) =
                    (briefs.next(), briefs.next())
                else {
                    return Err(wrong());
                };
                let review = Review {
                    state,
                    proposal,
                    by: Arc::clone(names.get(of).ok_or_else(wrong)?),
                };
                let said = contained(&name, async { reviews.ask(review).await }).await;
                let says = said.as_ref().map_or(Metadata::default(), |it| it.metadata);
                let score = said.and_then(|served| valid(served.value));
                Ok(answer(
                    Paper::<S, P>::Review(at, of, score),
                    Fact::Nothing,
                    says,
                ))
            }
        });
        seat::<S, P>(&self.name, act, brief::<S, P>)
    }
}

fn seat<S: 'static, P: 'static>(
    name: &Arc<str>,
    act: Act,
    copy: fn(&Payload) -> Option<Payload>,
) -> Seat {
    Seat {
        name: Arc::clone(name),
        act,
        copy: Some(copy),
        kinds: Kinds::of::<Paper<S, P>, Paper<S, P>>(),
    }
}

/// Where what was accepted is applied.
pub(super) fn apply_seat<S, P>(apply: WorkerRef<Accepted<S, P>, S>) -> Seat
where
    S: Clone + Send + 'static,
    P: Clone + Send + 'static,
{
    let name: Arc<str> = apply.name().into();
    let act = Act::asking(move |fed| {
        let apply = apply.clone();
        async move {
            let served = apply.ask(single::<Accepted<S, P>>(fed)?).await?;
            let state = Paper::<S, P>::State(served.value);
            Ok(answer(state, Fact::Nothing, served.metadata))
        }
    });
    seat::<S, P>(&name, act, accepted::<S, P>)
}

fn valid(score: f64) -> Result<f64, Fault> {
    match (0.0..=1.0).contains(&score) {
        true => Ok(score),
        false => Err(Fault::permanent("a score is a number from 0 to 1")),
    }
}

/// The mean of these scores; `None` of none.
pub(super) fn mean(scores: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0_u32);
    for score in scores {
        sum += score;
        count += 1;
    }
    (count > 0).then(|| sum / f64::from(count))
}

impl<S: Send + 'static> Desk<S> {
    pub(super) fn open<P: Send + 'static>(&self, fed: Fed) -> Result<Answer, Fault> {
        let file = File::<S, P> {
            state: single(fed)?,
            rounds: Vec::new(),
        };
        let paper = Paper::File(Box::new(file));
        Ok(answer(paper, Fact::Nothing, Metadata::default()))
    }

    /// Counts what is accepted of the proposals of a round.
    pub(super) fn judge<P: Send + 'static>(&self, fed: Fed) -> Result<Answer, Fault> {
        let mut papers = many(fed)?.map(one::<Paper<S, P>>);
        let Some(Ok(Paper::File(mut file))) = papers.next() else {
            return Err(wrong());
        };
        let none = || self.names.iter().map(|_| None);
        let mut said: Vec<Option<Result<Option<P>, Fault>>> = none().collect();
        let mut reviews: Vec<Vec<(usize, Result<f64, Fault>)>> =
            self.names.iter().map(|_| Vec::new()).collect();
        for paper in papers {
            match paper? {
                Paper::Proposal(peer, proposal) => said[peer] = Some(proposal),
                Paper::Review(peer, of, score) => reviews[of].push((peer, score)),
                Paper::File(_) | Paper::State(_) => return Err(wrong()),
            }
        }
        let mut round = Round {
            proposals: Vec::new(),
            silent: Vec::new(),
            unreviewed: Vec::new(),
            change: None,
        };
        let is_anybody_there = said.iter().flatten().any(Result::is_ok);
        for ((peer, said), reviews) in said.into_iter().enumerate().zip(reviews) {
            let silence = match said {
                Some(Ok(Some(proposal))) => {
                    let proposed = self.reviewed(peer, proposal, reviews, &mut round);
                    round.proposals.push(proposed);
                    continue;
                }
                Some(Ok(None)) => Silence::Nothing,
                Some(Err(fault)) => Silence::Failed(fault),
                None => Silence::Late,
            };
            round.silent.push((Arc::clone(&self.names[peer]), silence));
        }
        let accepted = round.proposals.iter().filter(|it| it.is_accepted).count();
        file.rounds.push(round);
        let fact = match is_anybody_there {
            true => Fact::Count(u32::try_from(accepted).unwrap_or(u32::MAX)),
            false => Fact::Nothing,
        };
        Ok(answer(Paper::File(file), fact, Metadata::default()))
    }

    /// What its neighbours think of a proposal.
    fn reviewed<P>(
        &self,
        of: usize,
        proposal: P,
        mut reviews: Vec<(usize, Result<f64, Fault>)>,
        round: &mut Round<P>,
    ) -> Proposed<P> {
        let name = |peer: usize| Arc::clone(&self.names[peer]);
        let mut scores = Vec::new();
        for peer in &self.neighbours[of] {
            let at = reviews.iter().position(|(by, _)| by == peer);
            let silence = match at.map(|at| reviews.swap_remove(at).1) {
                Some(Ok(score)) => {
                    scores.push((name(*peer), score));
                    continue;
                }
                Some(Err(fault)) => Silence::Failed(fault),
                None => Silence::Late,
            };
            round.unreviewed.push((name(*peer), name(of), silence));
        }
        let mean = mean(scores.iter().map(|(_, score)| *score));
        Proposed {
            peer: name(of),
            proposal,
            scores,
            mean,
            is_accepted: mean.is_some_and(|mean| mean >= self.threshold),
        }
    }

    /// Takes in the next state, and says how far it is from the last one.
    pub(super) fn record<P: Send + 'static>(&self, fed: Fed) -> Result<Answer, Fault> {
        let mut papers = many(fed)?.map(one::<Paper<S, P>>);
        let (Some(Ok(Paper::File(mut file))), Some(Ok(Paper::State(state)))) =
            (papers.next(), papers.next())
        else {
            return Err(wrong());
        };
        let change = self.measure.as_ref().map(|far| far(&file.state, &state));
        if let Some(round) = file.rounds.last_mut() {
            round.change = change;
        }
        file.state = state;
        let fact = change.map_or(Fact::Nothing, Fact::Number);
        Ok(answer(Paper::File(file), fact, Metadata::default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn d13_a_score_is_a_number_from_nought_to_one() {
        assert!(valid(0.0).is_ok() && valid(1.0).is_ok());
        for score in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert!(valid(score).is_err(), "{score}");
        }
        assert_eq!(mean([]), None);
    }

    proptest! {
        #[test]
        fn d13_the_mean_of_scores_lies_among_them_and_more_never_lowers_it(
            scores in proptest::collection::vec(0.0_f64..=1.0, 1..30),
            at in any::<prop::sample::Index>(),
        ) {
            let of = mean(scores.iter().copied()).unwrap();
            let least = scores.iter().copied().fold(1.0, f64::min);
            let most = scores.iter().copied().fold(0.0, f64::max);
            prop_assert!((least - 1e-9..=most + 1e-9).contains(&of));
            let mut better = scores.clone();
            *at.get_mut(&mut better) = 1.0;
            prop_assert!(mean(better).unwrap() >= of - 1e-12);
        }
    }
}
