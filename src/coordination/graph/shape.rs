//! The arithmetic of a graph: order, circles, levels, longest paths.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

/// What leads from one task to another, by their positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(in crate::coordination) struct Edge {
    pub(in crate::coordination) from: usize,
    pub(in crate::coordination) to: usize,
    /// Which of the conditions on the answer open it, any of these bits; `None`
    /// where there is no condition.
    pub(in crate::coordination) when: Option<u32>,
}

/// Tasks by their positions, and what leads from one to another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(in crate::coordination) struct Shape {
    weights: Vec<u32>,
    /// Grouped by where they lead to, in the order in which they were given.
    edges: Vec<Edge>,
    /// Where the edges to a task begin; one more than there are tasks.
    incoming: Vec<usize>,
    /// Positions of edges, grouped by where they come from.
    outgoing: Vec<usize>,
    /// Where those from a task begin; one more than there are tasks.
    starts: Vec<usize>,
}

impl Shape {
    /// Tasks of these weights. Edges from or to others are left out.
    pub(in crate::coordination) fn new(weights: Vec<u32>, mut edges: Vec<Edge>) -> Self {
        let tasks = weights.len();
        edges.retain(|edge| edge.from < tasks && edge.to < tasks);
        edges.sort_by_key(|edge| edge.to);
        let mut outgoing: Vec<usize> = (0..edges.len()).collect();
        outgoing.sort_by_key(|&at| edges[at].from);
        Self {
            incoming: begins(tasks, edges.iter().map(|edge| edge.to)),
            starts: begins(tasks, outgoing.iter().map(|&at| edges[at].from)),
            weights,
            edges,
            outgoing,
        }
    }

    /// With more tasks, and more edges, that all lead to those. The positions of
    /// what was there stay.
    pub(in crate::coordination) fn grown(&self, weights: Vec<u32>, edges: Vec<Edge>) -> Self {
        let weights = self.weights.iter().copied().chain(weights);
        let edges = self.edges.iter().copied().chain(edges);
        Self::new(weights.collect(), edges.collect())
    }

    pub(in crate::coordination) fn len(&self) -> usize {
        self.weights.len()
    }

    pub(in crate::coordination) fn edges(&self) -> usize {
        self.edges.len()
    }

    pub(in crate::coordination) fn edge(&self, at: usize) -> Edge {
        self.edges[at]
    }

    /// The edges that lead to a task, with their positions.
    pub(in crate::coordination) fn edges_to(
        &self,
        task: usize,
    ) -> impl Iterator<Item = (usize, Edge)> + '_ {
        (self.incoming[task]..self.incoming[task + 1]).map(|at| (at, self.edges[at]))
    }

    /// The positions, in the order of [`Shape::outgoing_at`], of what leads on.
    pub(in crate::coordination) fn leads_on(&self, task: usize) -> std::ops::Range<usize> {
        self.starts[task]..self.starts[task + 1]
    }

    pub(in crate::coordination) fn outgoing_at(&self, at: usize) -> Edge {
        self.edges[self.outgoing[at]]
    }

    pub(in crate::coordination) fn dependencies(&self, task: usize) -> usize {
        self.incoming[task + 1] - self.incoming[task]
    }

    /// The tasks, each after what it depends on; those in or behind a circle are
    /// missing. Kahn: *Topological sorting of large networks*, 1962.
    pub(in crate::coordination) fn in_order(&self) -> Vec<usize> {
        let mut waits: Vec<usize> = (0..self.len()).map(|at| self.dependencies(at)).collect();
        let mut order: Vec<usize> = (0..self.len()).filter(|&at| waits[at] == 0).collect();
        let mut next = 0;
        while let Some(&task) = order.get(next) {
            next += 1;
            for at in self.leads_on(task) {
                let to = self.outgoing_at(at).to;
                waits[to] -= 1;
                if waits[to] == 0 {
                    order.push(to);
                }
            }
        }
        order
    }

    /// A circle, if there is one: its first task comes again as the last.
    pub(in crate::coordination) fn circle(&self) -> Option<Vec<usize>> {
        let mut is_left = vec![true; self.len()];
        for task in self.in_order() {
            is_left[task] = false;
        }
        // Each that is left depends on one that is: go back until one comes again.
        let mut task = is_left.iter().position(|is_left| *is_left)?;
        let mut came_as: Vec<Option<usize>> = vec![None; self.len()];
        let mut way = Vec::new();
        while came_as[task].is_none() {
            came_as[task] = Some(way.len());
            way.push(task);
            let before = self.edges_to(task).find(|(_, edge)| is_left[edge.from]);
            task = before?.1.from;
        }
        let mut circle = way.split_off(came_as[task]?);
        circle.reverse();
        let first = (0..circle.len()).min_by_key(|&at| circle[at])?;
        circle.rotate_left(first);
        circle.push(circle[0]);
        Some(circle)
    }

    /// Of each task, the weight of the heaviest way from its begin to an end.
    pub(in crate::coordination) fn remaining(&self) -> Vec<u64> {
        let mut remaining = vec![0; self.len()];
        for task in self.in_order().into_iter().rev() {
            let rest = self.leads_on(task).map(|at| self.outgoing_at(at).to);
            let rest = rest.map(|to| remaining[to]).max().unwrap_or(0);
            remaining[task] = rest + u64::from(self.weights[task]);
        }
        remaining
    }

    /// The tasks, those with the most weight before them first.
    pub(in crate::coordination) fn by_urgency(&self) -> Vec<usize> {
        let remaining = self.remaining();
        let mut tasks: Vec<usize> = (0..self.len()).collect();
        tasks.sort_by_key(|&task| Reverse(remaining[task]));
        tasks
    }

    /// The heaviest way through the graph; of several, the one that was given
    /// first.
    pub(in crate::coordination) fn critical_path(&self) -> Vec<usize> {
        let remaining = self.remaining();
        let heaviest = |tasks: &mut dyn Iterator<Item = usize>| {
            tasks.min_by_key(|&task| (Reverse(remaining[task]), task))
        };
        let mut path = Vec::new();
        let mut next = heaviest(&mut (0..self.len()).filter(|&task| self.dependencies(task) == 0));
        while let Some(task) = next {
            path.push(task);
            next = heaviest(&mut self.leads_on(task).map(|at| self.outgoing_at(at).to));
        }
        path
    }

    pub(in crate::coordination) fn weight(&self) -> u64 {
        self.weights.iter().copied().map(u64::from).sum()
    }

    /// What can run beside each other: all that a level depends on is before it.
    pub(in crate::coordination) fn levels(&self) -> Vec<Vec<usize>> {
        let mut level = vec![0; self.len()];
        let mut levels: Vec<Vec<usize>> = Vec::new();
        for task in self.in_order() {
            let before = self.edges_to(task).map(|(_, edge)| level[edge.from] + 1);
            level[task] = before.max().unwrap_or(0);
            if levels.len() <= level[task] {
                levels.resize_with(level[task] + 1, Vec::new);
            }
            levels[level[task]].push(task);
        }
        for tasks in &mut levels {
            tasks.sort_unstable();
        }
        levels
    }
}

/// Where each group begins in a list sorted by group.
fn begins(groups: usize, sorted: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut begins = vec![0; groups + 1];
    for group in sorted {
        begins[group + 1] += 1;
    }
    for at in 0..groups {
        begins[at + 1] += begins[at];
    }
    begins
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(weights: &[u32], edges: &[(usize, usize)]) -> Shape {
        let edge = |&(from, to)| Edge {
            from,
            to,
            when: None,
        };
        Shape::new(weights.to_vec(), edges.iter().map(edge).collect())
    }

    #[test]
    fn levels_and_order_follow_the_dependencies() {
        let diamond = shape(&[1; 4], &[(0, 1), (0, 2), (1, 3), (2, 3)]);
        assert_eq!(diamond.in_order(), [0, 1, 2, 3]);
        assert_eq!(diamond.levels(), [vec![0], vec![1, 2], vec![3]]);
        assert_eq!(diamond.circle(), None);
    }

    #[test]
    fn the_critical_path_is_the_heaviest_way() {
        let graph = shape(&[1, 1, 5, 1, 3], &[(0, 1), (0, 2), (1, 3), (2, 3)]);
        assert_eq!(graph.critical_path(), [0, 2, 3]);
        assert_eq!(graph.remaining(), [7, 2, 6, 1, 3]);
        assert_eq!(graph.by_urgency(), [0, 2, 4, 1, 3]);
        assert_eq!(graph.weight(), 11);
    }

    #[test]
    fn a_circle_is_found_from_behind_it_and_told_in_its_direction() {
        let graph = shape(&[1; 5], &[(1, 2), (2, 3), (3, 1), (3, 4), (0, 1)]);
        assert_eq!(graph.circle().unwrap(), [1, 2, 3, 1]);
        let itself = shape(&[1], &[(0, 0)]);
        assert_eq!(itself.circle().unwrap(), [0, 0]);
    }

    #[test]
    fn edges_to_nowhere_are_left_out() {
        let graph = shape(&[1], &[(0, 7), (7, 0)]);
        assert_eq!(graph.dependencies(0), 0);
    }
}
