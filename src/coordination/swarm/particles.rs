//! Particle swarm optimisation, on the swarm's protocol.
//!
//! Kennedy, Eberhart: *Particle swarm optimization*, 1995, with the constriction of
//! Clerc, Kennedy: *The particle swarm: explosion, stability, and convergence in a
//! multidimensional complex space*, 2002. In each dimension,
//!
//! ```text
//! v' = χ (v + φ₁ r₁ (own best - x) + φ₂ r₂ (best of all - x))      x' = x + v'
//! ```
//!
//! with φ₁ = φ₂ = 2.05, so φ = 4.1 and χ = 2 / |2 - φ - √(φ² - 4φ)| = 0.7298; r₁ and r₂
//! are random in `[0, 1)`. A particle that would leave the bounds stops there.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Explore, Swarm, swarm};
use crate::actor::WorkerRef;
use crate::coordination::protocol::Dice;

/// χ for φ = 4.1.
const CONSTRICTION: f64 = 0.729_843_788_128_357_6;
/// φ₁ and φ₂.
const PULL: f64 = 2.05;

/// A particle: where it is, and where it was best.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Particle {
    /// Where it is: what the objective scores.
    pub position: Vec<f64>,
    velocity: Vec<f64>,
    /// Where its own best score was, before this position.
    own_best: Option<(Vec<f64>, f64)>,
}

/// A swarm of particles within these bounds, one pair of least and greatest for each
/// dimension. The objective scores [`Particle::position`].
///
/// ```
/// use callboard::prelude::*;
/// use callboard::coordination::swarm::particle_swarm;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let system = System::new("demo");
/// let near = particle_swarm([(-5.0, 5.0); 2], |x| (x[0] - 1.0).powi(2) + (x[1] + 2.0).powi(2))
///     .minimize()
///     .start(&system, "near")
///     .await?;
/// let found = near.ask(vec![]).await?.value;
/// assert!((found.best.position[0] - 1.0).abs() < 1e-3);
/// assert!((found.best.position[1] + 2.0).abs() < 1e-3);
/// # Ok(())
/// # }
/// ```
pub fn particle_swarm(
    bounds: impl IntoIterator<Item = (f64, f64)>,
    objective: impl Fn(&[f64]) -> f64 + Send + Sync + 'static,
) -> Swarm<Particle> {
    let bounds: Arc<[(f64, f64)]> = bounds.into_iter().collect();
    let is_valid = |(least, most): &(f64, f64)| {
        least.is_finite() && most.is_finite() && least <= most && (most - least).is_finite()
    };
    let are_valid = !bounds.is_empty() && bounds.iter().all(is_valid);
    let flies = WorkerRef::from_fn("particle", move |explore: Explore<Particle>| {
        std::future::ready(Ok(fly(&explore, &bounds)))
    });
    let particles = swarm(flies, move |particle: &Particle| {
        objective(&particle.position)
    });
    match are_valid {
        true => particles,
        false => particles.refused("particles need bounds: finite ones, the least first"),
    }
}

/// Where a particle is next.
fn fly(explore: &Explore<Particle>, bounds: &[(f64, f64)]) -> Particle {
    let mut dice = explore.dice();
    match &explore.own {
        None => first(explore, bounds, &mut dice),
        Some(own) => {
            let best = explore.best().map_or(&own.value, |best| &best.value);
            next(&own.value, own.score, &best.position, bounds, &mut dice)
        }
    }
}

/// Anywhere, or where the asker says, with half a way to anywhere as its velocity.
fn first(explore: &Explore<Particle>, bounds: &[(f64, f64)], dice: &mut Dice) -> Particle {
    let mut anywhere = || -> Vec<f64> {
        let each = bounds.iter();
        each.map(|(least, most)| least + (most - least) * dice.share())
            .collect()
    };
    let start = explore.shared.starts.get(explore.member);
    let start = start.filter(|start| start.position.len() == bounds.len());
    let position = match start {
        Some(start) => within(&start.position, bounds),
        None => anywhere(),
    };
    let towards = anywhere();
    let halves = towards.iter().zip(&position).map(|(to, x)| (to - x) / 2.0);
    Particle {
        velocity: halves.collect(),
        position,
        own_best: None,
    }
}

fn within(position: &[f64], bounds: &[(f64, f64)]) -> Vec<f64> {
    let each = position.iter().zip(bounds);
    each.map(|(x, (least, most))| {
        if x.is_nan() {
            *least
        } else {
            x.clamp(*least, *most)
        }
    })
    .collect()
}

fn next(
    particle: &Particle,
    score: f64,
    best: &[f64],
    bounds: &[(f64, f64)],
    dice: &mut Dice,
) -> Particle {
    let own_best = match &particle.own_best {
        Some((known, known_score)) if *known_score >= score => (known.clone(), *known_score),
        _ => (particle.position.clone(), score),
    };
    let mut position = Vec::with_capacity(bounds.len());
    let mut velocity = Vec::with_capacity(bounds.len());
    for (at, (least, most)) in bounds.iter().enumerate() {
        let x = particle.position[at];
        let own = PULL * dice.share() * (own_best.0[at] - x);
        let all = PULL * dice.share() * (best[at] - x);
        let moved = CONSTRICTION * (particle.velocity[at] + own + all);
        let to = (x + moved).clamp(*least, *most);
        let has_left = to != x + moved;
        position.push(to);
        velocity.push(if has_left { 0.0 } else { moved });
    }
    Particle {
        position,
        velocity,
        own_best: Some(own_best),
    }
}

impl Particle {
    /// A particle to start from.
    #[must_use]
    pub fn at(position: impl Into<Vec<f64>>) -> Self {
        Self {
            position: position.into(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_constriction_is_that_of_the_paper() {
        let phi: f64 = 2.0 * PULL;
        let chi = 2.0 / (2.0 - phi - (phi * phi - 4.0 * phi).sqrt()).abs();
        assert!((chi - CONSTRICTION).abs() < 1e-12, "{chi}");
    }

    proptest! {
        #[test]
        fn a_particle_never_leaves_its_bounds(
            seed in any::<u64>(),
            x in -1.0..1.0_f64,
            velocity in -100.0..100.0_f64,
            best in -1.0..1.0_f64,
        ) {
            let particle = Particle { velocity: vec![velocity], ..Particle::at([x]) };
            let moved = next(&particle, 0.0, &[best], &[(-1.0, 1.0)], &mut Dice::new(seed));
            prop_assert!((-1.0..=1.0).contains(&moved.position[0]));
            let is_there = moved.position[0].abs() == 1.0;
            prop_assert!(is_there || moved.position[0] == x + moved.velocity[0]);
        }
    }
}
