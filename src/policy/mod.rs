//! Pure arithmetic: `(state, event, now) -> (state, decision)`.
