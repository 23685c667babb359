//! Members sorted by load, in constant time.
//!
//! ```text
//!  load 0   front ▶ [4] ⇄ [1] ⇄ [6] ◀ back      taken from the front,
//!  load 1   front ▶ [0] ◀ back                  put at the back (takes turns)
//!  load 2   (empty)                             or at the front (comes back last,
//!  load 3   front ▶ [2] ⇄ [5] ◀ back            goes first)
//! ```
//!
//! One doubly linked list for each load, linked by the members' numbers.

/// No member.
const NONE: usize = usize::MAX;

/// At which end of its load's list a member is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Front,
    Back,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    before: usize,
    after: usize,
    load: usize,
}

#[derive(Clone, Copy, Debug)]
struct Ends {
    front: usize,
    back: usize,
}

const EMPTY: Ends = Ends {
    front: NONE,
    back: NONE,
};

#[derive(Clone, Debug, Default)]
pub(super) struct Levels {
    nodes: Vec<Option<Node>>,
    ends: Vec<Ends>,
    /// No list below this load has a member.
    lowest: usize,
}

impl Levels {
    /// Puts in a member that is not there.
    pub(super) fn insert(&mut self, member: usize, load: usize, end: End) {
        if member >= self.nodes.len() {
            self.nodes.resize(member + 1, None);
        }
        if load >= self.ends.len() {
            self.ends.resize(load + 1, EMPTY);
        }
        let ends = &mut self.ends[load];
        let mut node = Node {
            before: NONE,
            after: NONE,
            load,
        };
        match end {
            End::Front => {
                node.after = std::mem::replace(&mut ends.front, member);
                if node.after == NONE {
                    ends.back = member;
                }
            }
            End::Back => {
                node.before = std::mem::replace(&mut ends.back, member);
                if node.before == NONE {
                    ends.front = member;
                }
            }
        }
        self.link(node.before, |before| before.after = member);
        self.link(node.after, |after| after.before = member);
        self.nodes[member] = Some(node);
        self.lowest = self.lowest.min(load);
    }

    /// Takes a member out, if it is there.
    pub(super) fn remove(&mut self, member: usize) {
        let Some(node) = self.nodes.get_mut(member).and_then(Option::take) else {
            return;
        };
        let ends = &mut self.ends[node.load];
        if node.before == NONE {
            ends.front = node.after;
        }
        if node.after == NONE {
            ends.back = node.before;
        }
        self.link(node.before, |before| before.after = node.after);
        self.link(node.after, |after| after.before = node.before);
    }

    /// The first of those with the least load.
    pub(super) fn lightest(&mut self) -> Option<usize> {
        while let Some(ends) = self.ends.get(self.lowest) {
            if ends.front != NONE {
                return Some(ends.front);
            }
            self.lowest += 1;
        }
        None
    }

    fn link(&mut self, member: usize, change: impl FnOnce(&mut Node)) {
        if let Some(Some(node)) = self.nodes.get_mut(member) {
            change(node);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against one deque for each load.
        #[test]
        fn levels_behave_like_a_deque_for_each_load(
            steps in proptest::collection::vec((0_usize..6, 0_usize..4, any::<bool>()), 0..80),
        ) {
            let mut levels = Levels::default();
            let mut lists = vec![VecDeque::new(); 4];
            for (member, load, is_front) in steps {
                let was_there = lists.iter().any(|list| list.contains(&member));
                if was_there {
                    levels.remove(member);
                    lists.iter_mut().for_each(|list| list.retain(|m| *m != member));
                } else if is_front {
                    levels.insert(member, load, End::Front);
                    lists[load].push_front(member);
                } else {
                    levels.insert(member, load, End::Back);
                    lists[load].push_back(member);
                }
                let lightest = lists.iter().find_map(|list| list.front().copied());
                prop_assert_eq!(levels.lightest(), lightest);
            }
        }
    }
}
