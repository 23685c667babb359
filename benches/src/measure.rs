//! Runs the contenders of a subject in turn: A B C A B C ...
//!
//! Whatever else the machine does then falls on all of them, and the median of
//! each is taken from runs that lie apart.

use crate::contender::{CALLBOARD, Contender};
use crate::rows::{Row, Rule, Subject};
use crate::work::{Outcome, Work};

/// What came of one row.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The row's name.
    pub name: String,
    /// Unit of the two figures.
    pub unit: &'static str,
    /// callboard's median, in [`Finding::unit`].
    pub ours: Option<f64>,
    /// The peer's median, where there is a peer.
    pub peer: Option<f64>,
    /// What the rule makes of the two.
    pub ratio: Option<f64>,
    /// Every run of callboard.
    pub our_runs: Vec<f64>,
    /// Every run of the peer.
    pub peer_runs: Vec<f64>,
    /// How it is judged.
    pub rule: Rule,
    /// What has to be reached.
    pub must: Option<f64>,
    /// What should be reached one day.
    pub aim: Option<f64>,
    /// Whether it was. `None` where nothing must be, or nothing was measured.
    pub holds: Option<bool>,
}

impl Finding {
    /// Whether something had to be reached and was not, or was not measured.
    #[must_use]
    pub fn is_missed(&self) -> bool {
        self.must.is_some() && self.holds != Some(true)
    }
}

/// Measures these rows of a subject.
#[must_use]
pub fn measure(subject: &Subject, rows: &[&Row], runs: usize) -> Vec<Finding> {
    let mut contenders = vec![CALLBOARD];
    for peer in rows.iter().filter_map(|row| row.peer) {
        if !contenders.iter().any(|known| known.name() == peer.name()) {
            contenders.push(peer);
        }
    }
    let outcomes = in_turn(&contenders, subject.work, runs);
    rows.iter()
        .map(|row| judge(subject, row, &contenders, &outcomes))
        .collect()
}

/// The outcomes of each contender, in the order of its runs.
fn in_turn(contenders: &[&dyn Contender], work: Work, runs: usize) -> Vec<Vec<Outcome>> {
    let mut outcomes = vec![Vec::new(); contenders.len()];
    let runs = if work.is_timed() {
        // Once around before it counts: code, allocator and clock warm up.
        for contender in contenders {
            contender.run(work.sized(work.operations() / 10));
        }
        runs
    } else {
        1
    };
    for _ in 0..runs {
        for (contender, outcomes) in contenders.iter().zip(&mut outcomes) {
            outcomes.extend(contender.run(work));
        }
    }
    outcomes
}

fn judge(
    subject: &Subject,
    row: &Row,
    contenders: &[&dyn Contender],
    outcomes: &[Vec<Outcome>],
) -> Finding {
    let figures = |who: &dyn Contender| -> Vec<f64> {
        let of_whom = contenders
            .iter()
            .position(|contender| contender.name() == who.name())
            .expect("the peer of every row was measured");
        outcomes[of_whom]
            .iter()
            .filter_map(|&outcome| row.figure.of(subject.work, outcome))
            .collect()
    };
    let our_runs = figures(CALLBOARD);
    let peer_runs = row.peer.map(figures).unwrap_or_default();
    let (ours, peer) = (median(&our_runs), median(&peer_runs));
    let ratio = match (ours, peer) {
        (Some(ours), Some(peer)) => row.rule.ratio(ours, peer),
        _ => None,
    };
    let result = if row.rule == Rule::Absolute {
        ours
    } else {
        ratio
    };
    Finding {
        name: subject.name_of(row),
        unit: row.figure.unit(),
        ours,
        peer,
        ratio,
        our_runs,
        peer_runs,
        rule: row.rule,
        must: row.must,
        aim: row.aim,
        holds: result
            .zip(row.must)
            .map(|(result, must)| row.rule.holds(result, must)),
    }
}

/// The one in the middle, or the mean of the two that are.
fn median(figures: &[f64]) -> Option<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_does_not_mind_one_bad_run() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 900.0]), Some(3.0));
        assert_eq!(median(&[1.0, 3.0]), Some(2.0));
    }
}
