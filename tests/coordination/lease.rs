//! Leases by the clock that tests can pause.

use callboard::coordination::lease::{Fence, LeaseError, Leases};
use callboard::prelude::*;

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_not_renewed_goes_to_another_and_its_holder_is_refused() {
    let leases = Leases::new(secs(10), 10);
    let first = leases.take("entry", "a").unwrap();
    tokio::time::sleep(secs(9)).await;
    let first = leases.renew(&first).unwrap();
    tokio::time::sleep(secs(9)).await;
    let held = leases.take("entry", "b").unwrap_err();
    let left = secs(1);
    assert_eq!(
        held,
        LeaseError::Held {
            by: "a".into(),
            left
        }
    );
    tokio::time::sleep(left).await;
    let second = leases.clone().take("entry", "b").unwrap();
    assert_eq!(leases.holder(&"entry").as_deref(), Some("b"));
    assert_eq!(leases.check(&first), Err(LeaseError::Lost(first.number)));
    assert_eq!(leases.renew(&first), Err(LeaseError::Lost(first.number)));
    leases.give_back(&first);
    assert_eq!(
        leases.check(&second),
        Ok(()),
        "nobody gives back what is another's"
    );
    let mut fence = Fence::default();
    assert!(fence.admit(first.number) && fence.admit(second.number));
    assert!(!fence.admit(first.number), "it writes late");
}
