//! What is known of one task on the market, and the clerks who keep it.

use std::sync::Arc;

use super::machine::{BROKEN, KEPT};
use super::report::{AuctionRecord, Breach, Contract, Contracted, NoContract, Refusal};
use super::reputations::Reputations;
use super::{Award, CallForProposals};
use crate::actor::system::clock;
use crate::actor::{Fault, FaultClass, Metadata, Request};
use crate::coordination::driver::{Answer, Fed, Kept, Payload};
use crate::coordination::protocol::Fact;
use crate::policy::auction::{Bid, BidWeights, Raise, Terms, best};
use crate::policy::reputation::Outcome;

/// The terms of a task.
pub(super) type TermsOf<In> = Arc<dyn Fn(&In) -> Terms + Send + Sync>;

/// How good an answer to a task is, 0 to 1.
pub(super) type Grade<In, Out> = Arc<dyn Fn(&In, &Out) -> f64 + Send + Sync>;

/// What the clerks of a market share, over all its runs.
pub(super) struct Desk<In, Out> {
    /// By the bidders' positions.
    pub(super) names: Vec<Arc<str>>,
    pub(super) terms_of: TermsOf<In>,
    pub(super) weights: BidWeights,
    pub(super) raise: Raise,
    pub(super) grade: Option<Grade<In, Out>>,
    pub(super) reputations: Reputations,
}

/// One task on the market. It goes from clerk to clerk.
pub(super) struct File<In, Out> {
    task: In,
    terms: Terms,
    record: AuctionRecord,
    /// Bids of this auction that may still win, in the order of the bidders.
    offers: Vec<(usize, Bid)>,
    /// The contract made last, and with whom.
    contract: Option<(usize, Contract)>,
    /// Who broke a contract: not asked again.
    barred: Vec<usize>,
    value: Option<Out>,
}

/// What goes to and fro between bidders and clerks.
pub(super) enum Paper<In, Out> {
    File(Box<File<In, Out>>),
    /// What a bidder said.
    Reply(usize, Result<Option<Bid>, Fault>),
    /// What came of the work.
    Work(Result<(Out, Metadata), Fault>),
}

/// The protocol fed what it should not.
pub(super) fn wrong() -> Fault {
    Fault::permanent("a clerk of the market was given what is no file")
}

pub(super) fn answer<In, Out>(paper: Paper<In, Out>, fact: Fact, metadata: Metadata) -> Answer
where
    In: Send + 'static,
    Out: Send + 'static,
{
    Answer {
        kept: Kept::One(Box::new(paper)),
        fact,
        metadata,
    }
}

fn paper<In: 'static, Out: 'static>(payload: Payload) -> Result<Paper<In, Out>, Fault> {
    payload.downcast().map(|paper| *paper).map_err(|_| wrong())
}

/// The file, and what belongs to it.
type Handed<In, Out> = (Box<File<In, Out>>, Vec<Paper<In, Out>>);

fn handed<In: 'static, Out: 'static>(fed: Fed) -> Result<Handed<In, Out>, Fault> {
    let Fed::Many(payloads) = fed else {
        return Err(wrong());
    };
    let mut payloads = payloads.into_iter().map(paper::<In, Out>);
    match payloads.next() {
        Some(Ok(Paper::File(file))) => Ok((file, payloads.collect::<Result<_, _>>()?)),
        _ => Err(wrong()),
    }
}

/// What a bidder is asked: a copy of the task, and the terms.
pub(super) fn call_for_proposals<In, Out>(payload: &Payload) -> Option<Payload>
where
    In: Clone + Send + 'static,
    Out: 'static,
{
    let Paper::<In, Out>::File(file) = payload.downcast_ref()? else {
        return None;
    };
    Some(Box::new(CallForProposals {
        task: file.task.clone(),
        terms: file.terms,
        auction: file.auction(),
    }))
}

/// What a bidder is given to do: a copy of the task, and the contract.
pub(super) fn award_of<In, Out>(payload: &Payload) -> Option<Payload>
where
    In: Clone + Send + 'static,
    Out: 'static,
{
    let Paper::<In, Out>::File(file) = payload.downcast_ref()? else {
        return None;
    };
    Some(Box::new(Award {
        task: file.task.clone(),
        contract: file.contract.as_ref()?.1.clone(),
    }))
}

impl<In, Out> File<In, Out> {
    fn auction(&self) -> u32 {
        u32::try_from(self.record.auctions.len()).unwrap_or(u32::MAX)
    }

    /// What is left of it when the contract was kept.
    pub(super) fn conclude(self) -> Result<Contracted<Out>, Fault> {
        match (self.value, self.contract) {
            (Some(value), Some((_, contract))) => Ok(Contracted {
                value,
                contract,
                record: self.record,
            }),
            _ => Err(Fault::permanent("the market left no answer")),
        }
    }
}

impl<In: Send + 'static, Out: Send + 'static> Desk<In, Out> {
    pub(super) fn open(&self, fed: Fed) -> Result<Answer, Fault> {
        let task = match fed {
            Fed::One(payload) => *payload.downcast::<In>().map_err(|_| wrong())?,
            Fed::Many(_) => return Err(wrong()),
        };
        let terms = (self.terms_of)(&task);
        let invalid = |why| Fault::permanent("the terms of the task are invalid").because(why);
        terms.validate().map_err(invalid)?;
        let file = File {
            task,
            terms,
            record: AuctionRecord {
                auctions: vec![terms],
                ..AuctionRecord::default()
            },
            offers: Vec::new(),
            contract: None,
            barred: Vec::new(),
            value: None,
        };
        Ok(self.hand_on(Box::new(file), Fact::Nothing))
    }

    fn hand_on(&self, file: Box<File<In, Out>>, fact: Fact) -> Answer {
        answer(Paper::File(file), fact, Metadata::default())
    }

    /// Takes in all bids of an auction; who has none was late.
    pub(super) fn collect(&self, fed: Fed) -> Result<Answer, Fault> {
        let (mut file, papers) = handed::<In, Out>(fed)?;
        let mut replies: Vec<_> = self.names.iter().map(|_| None).collect();
        for paper in papers {
            if let Paper::Reply(bidder, reply) = paper
                && let Some(place @ None) = replies.get_mut(bidder)
            {
                *place = Some(reply);
            }
        }
        let auction = file.auction();
        for (bidder, reply) in replies.into_iter().enumerate() {
            if file.barred.contains(&bidder) {
                continue;
            }
            let refusal = match reply {
                Some(Ok(Some(bid))) => match file.terms.accept(&bid) {
                    Ok(()) => {
                        file.offers.push((bidder, bid));
                        continue;
                    }
                    Err(why) => Refusal::Unacceptable { bid, why },
                },
                Some(Ok(None)) => Refusal::Declined,
                Some(Err(fault)) => Refusal::Failed(fault),
                None => Refusal::Late,
            };
            let name = Arc::clone(&self.names[bidder]);
            file.record.refused.push((auction, name, refusal));
        }
        Ok(self.hand_on(file, Fact::Nothing))
    }

    /// Chooses the best of the bids that are left.
    pub(super) fn award(&self, fed: Fed) -> Result<Answer, Fault> {
        let (mut file, _) = handed::<In, Out>(fed)?;
        let scored = file.offers.iter().map(|(bidder, bid)| {
            let reputation = self.reputations.of(&self.names[*bidder]).score;
            (*bid, self.weights.score(bid, &file.terms, reputation))
        });
        let scored: Vec<_> = scored.collect();
        let Some(at) = best(&scored) else {
            return Ok(self.hand_on(file, Fact::Nothing));
        };
        let (bid, score) = scored[at];
        let (bidder, _) = file.offers.remove(at);
        let contract = Contract {
            bidder: Arc::clone(&self.names[bidder]),
            price: bid.price,
            time: bid.time,
            quality: file.terms.quality,
            score,
            auction: file.auction(),
        };
        file.contract = Some((bidder, contract));
        let winner = u32::try_from(bidder).unwrap_or(u32::MAX);
        Ok(self.hand_on(file, Fact::Choice(winner)))
    }

    /// Says how long the work may take.
    pub(super) fn contract(&self, fed: Fed) -> Result<Answer, Fault> {
        let (file, _) = handed::<In, Out>(fed)?;
        let (_, contract) = file.contract.as_ref().ok_or_else(wrong)?;
        let seconds = contract.time.as_secs_f64();
        Ok(self.hand_on(file, Fact::Number(seconds)))
    }

    /// Holds what came of the work against the contract. What is missing was late.
    pub(super) fn settle(&self, fed: Fed) -> Result<Answer, Fault> {
        let (mut file, papers) = handed::<In, Out>(fed)?;
        let (bidder, contract) = file.contract.take().ok_or_else(wrong)?;
        let (says, breach) = match papers.into_iter().next() {
            Some(Paper::Work(Ok((value, mut says)))) => {
                if let Some(grade) = &self.grade {
                    says = says.quality(grade(&file.task, &value));
                }
                file.value = Some(value);
                let quality = says.quality;
                let is_kept = quality.unwrap_or(0.0) >= contract.quality;
                (says, (!is_kept).then_some(Breach::Poor { quality }))
            }
            Some(Paper::Work(Err(fault))) => (Metadata::default(), Some(Breach::Failed(fault))),
            _ => (Metadata::default(), Some(Breach::Late)),
        };
        if let Some(outcome) = outcome(breach.as_ref()).filter(|_| !is_out_of_time()) {
            self.reputations.note(&contract.bidder, outcome);
        }
        let Some(breach) = breach else {
            file.contract = Some((bidder, contract));
            // What it cost is known already.
            let says = Metadata {
                tokens: None,
                cost: None,
                ..says
            };
            return Ok(answer(Paper::File(file), KEPT, says));
        };
        file.value = None;
        file.barred.push(bidder);
        file.record.broken.push((contract, breach));
        Ok(self.hand_on(file, BROKEN))
    }

    /// Raises the terms for another auction.
    pub(super) fn raise(&self, fed: Fed) -> Result<Answer, Fault> {
        let (mut file, _) = handed::<In, Out>(fed)?;
        file.terms = file.terms.raised(&self.raise);
        let terms = file.terms;
        file.record.auctions.push(terms);
        file.offers.clear();
        Ok(self.hand_on(file, Fact::Nothing))
    }

    /// Says why there is no contract.
    pub(super) fn excuse(&self, fed: Fed) -> Result<Answer, Fault> {
        let (file, _) = handed::<In, Out>(fed)?;
        let record = file.record;
        let class = match record.may_be_gone() {
            _ if is_out_of_time() => FaultClass::Deadline,
            true => FaultClass::Transient,
            false => FaultClass::Permanent,
        };
        let cause = NoContract { record };
        Err(Fault::new(class, cause.to_string()).because(cause))
    }
}

/// Whether the asker's time is up: what fails then says nothing about bidders.
fn is_out_of_time() -> bool {
    let deadline = Request::in_force().deadline();
    deadline.is_some_and(|deadline| deadline <= clock())
}

/// What a contract says about its bidder; nothing where nobody waited any more.
fn outcome(breach: Option<&Breach>) -> Option<Outcome> {
    Some(match breach {
        None => Outcome::Kept,
        Some(Breach::Late) => Outcome::Late,
        Some(Breach::Poor { quality }) => Outcome::Poor {
            quality: quality.unwrap_or(0.0),
        },
        Some(Breach::Failed(fault)) => match fault.class() {
            FaultClass::Cancelled => return None,
            FaultClass::Deadline => Outcome::Late,
            _ => Outcome::Failed,
        },
    })
}
