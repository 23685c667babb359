//! An allocator that counts the bytes that are out, while somebody asks.
//!
//! It counts what was requested, not what the system's allocator adds. While
//! nobody asks it costs one load of a flag that nobody writes, so that rows
//! about time do not pay for rows about memory: counting always would put one
//! contended cache line under every allocation, and a contender that boxes its
//! messages would look slower than it is.
#![allow(
    unsafe_code,
    reason = "an allocator cannot be written without; nothing else in this crate does it"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};

static IS_COUNTING: AtomicBool = AtomicBool::new(false);
static BYTES_OUT: AtomicI64 = AtomicI64::new(0);

/// The system's allocator with a count. A binary that measures memory installs
/// it as its `#[global_allocator]`.
#[derive(Clone, Copy, Debug, Default)]
pub struct CountingAllocator;

impl CountingAllocator {
    fn count(change: i64) {
        if IS_COUNTING.load(Relaxed) {
            BYTES_OUT.fetch_add(change, Relaxed);
        }
    }
}

fn signed(bytes: usize) -> i64 {
    // No allocation is larger than `isize::MAX`.
    bytes as i64
}

// SAFETY: every call goes to `System` with the arguments it came with, and
// `System` keeps the contract of `GlobalAlloc`; the count touches atomics only
// and neither allocates nor unwinds.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count(signed(layout.size()));
        // SAFETY: the caller promises a layout of non-zero size.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::count(signed(layout.size()));
        // SAFETY: the caller promises a layout of non-zero size.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        Self::count(-signed(layout.size()));
        // SAFETY: the caller promises a block of this allocator and its layout,
        // and all blocks of this allocator are blocks of `System`.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        Self::count(signed(new_size) - signed(layout.size()));
        // SAFETY: as for `dealloc`, and the caller promises a valid new size.
        unsafe { System.realloc(block, layout, new_size) }
    }
}

/// A count of bytes from its start on, one at a time.
#[derive(Debug)]
pub struct Count {
    at_start: i64,
}

impl Count {
    /// Starts to count. `None` where this binary has another allocator.
    #[must_use]
    pub fn start() -> Option<Self> {
        IS_COUNTING.store(true, Relaxed);
        let before = BYTES_OUT.load(Relaxed);
        let probe = black_box(vec![0u8; 4096]);
        let is_installed = BYTES_OUT.load(Relaxed) != before;
        drop(probe);
        if !is_installed {
            IS_COUNTING.store(false, Relaxed);
            return None;
        }
        Some(Self {
            at_start: BYTES_OUT.load(Relaxed),
        })
    }

    /// Ends the count: the bytes that came and stayed since its start.
    #[must_use]
    pub fn finish(self) -> u64 {
        u64::try_from(BYTES_OUT.load(Relaxed) - self.at_start).unwrap_or(0)
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        IS_COUNTING.store(false, Relaxed);
    }
}
