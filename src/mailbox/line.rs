//! A queue that keeps a single item without the heap.
//!
//! Most mailboxes hold one message at a time: a question, its answer, the next
//! question. For them a buffer would be allocated and freed with each message.

use std::collections::VecDeque;

#[derive(Debug)]
pub(super) enum Line<T> {
    One(Option<T>),
    Many(VecDeque<T>),
}

impl<T> Line<T> {
    pub(super) const fn new() -> Self {
        Self::One(None)
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        match self {
            Self::One(item) => usize::from(item.is_some()),
            Self::Many(items) => items.len(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    pub(super) fn push_back(&mut self, item: T) {
        match self {
            Self::One(place @ None) => *place = Some(item),
            Self::One(Some(_)) => self.spread().push_back(item),
            Self::Many(items) => items.push_back(item),
        }
    }

    pub(super) fn push_front(&mut self, item: T) {
        match self {
            Self::One(place @ None) => *place = Some(item),
            Self::One(Some(_)) => self.spread().push_front(item),
            Self::Many(items) => items.push_front(item),
        }
    }

    pub(super) fn pop_front(&mut self) -> Option<T> {
        match self {
            Self::One(item) => item.take(),
            Self::Many(items) => items.pop_front(),
        }
    }

    /// Hands out a single item, or else everything, in exchange for an empty
    /// buffer.
    #[inline]
    pub(super) fn take(&mut self, buffer: &mut VecDeque<T>) -> Option<T> {
        debug_assert!(buffer.is_empty(), "it is given back empty");
        match self {
            Self::One(item) => item.take(),
            Self::Many(items) => {
                std::mem::swap(items, buffer);
                None
            }
        }
    }

    /// Moves to the heap what is there.
    #[cold]
    fn spread(&mut self) -> &mut VecDeque<T> {
        let mut items = VecDeque::new();
        items.extend(self.pop_front());
        *self = Self::Many(items);
        match self {
            Self::Many(items) => items,
            Self::One(_) => unreachable!("just spread"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::Line;

    proptest! {
        #[test]
        fn a_line_behaves_like_a_deque(steps in proptest::collection::vec(0u8..4, 0..64)) {
            let mut line = Line::new();
            let mut model = VecDeque::new();
            for (n, step) in steps.into_iter().enumerate() {
                match step {
                    0 => { line.push_back(n); model.push_back(n); }
                    1 => { line.push_front(n); model.push_front(n); }
                    2 => prop_assert_eq!(line.pop_front(), model.pop_front()),
                    _ => {
                        let mut taken = VecDeque::new();
                        let one = line.take(&mut taken);
                        taken.extend(one);
                        prop_assert_eq!(&taken, &model);
                        model.clear();
                    }
                }
                prop_assert_eq!(line.len(), model.len());
                prop_assert_eq!(line.is_empty(), model.is_empty());
            }
        }
    }
}
