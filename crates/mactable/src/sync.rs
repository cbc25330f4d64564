//! The one door through which the crate gets its atomics and locks.
//!
//! Under `--cfg loom` and `--cfg shuttle` they are those of the model checkers, which decide in what order threads run
//! and, in loom's case, which of the values that the memory model permits a load returns. That works only as long as
//! no other file names `std::sync`, `std::hint` or `std::thread` itself.

#[cfg(not(any(loom, shuttle)))]
mod world {
    pub(crate) use std::hint::spin_loop;
    pub(crate) use std::sync::atomic::{AtomicI64, AtomicU16, AtomicU32, AtomicU64, AtomicUsize};
    pub(crate) use std::sync::{Mutex, MutexGuard};

    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local!(pub(crate) static THREAD: usize = THREADS.fetch_add(1, super::Ordering::Relaxed));
}

#[cfg(loom)]
mod world {
    //! Loom takes a sequentially consistent access for an acquiring and releasing one and knows only fences to order
    //! more, so such an access gets a fence here. Compilers do the same for processors that have nothing better, and
    //! in one of two ways: before the access or after it. Either hides the lack of a fence on the other side, so proofs
    //! that rest on sequential consistency run both ways ([`Fences`]), and others without any.

    pub(crate) use loom::hint::spin_loop;
    pub(crate) use loom::sync::{Mutex, MutexGuard};
    use std::cell::Cell;

    use super::Ordering;

    loom::lazy_static! {
        static ref THREADS: loom::sync::atomic::AtomicUsize = loom::sync::atomic::AtomicUsize::new(0);
    }
    loom::thread_local!(pub(crate) static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed));

    /// Where sequentially consistent accesses have their fences.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Fences {
        /// Nowhere: they are as weak as acquiring and releasing ones.
        None,
        /// Before the access.
        Leading,
        /// After the access.
        Trailing,
    }

    std::thread_local! {
        // Not part of the model: it stays the same through all of its executions, which run on one real thread.
        static FENCES: Cell<Fences> = const { Cell::new(Fences::Trailing) };
    }

    impl Fences {
        /// Decides for the models that the calling thread checks from now on.
        pub fn choose(self) {
            FENCES.set(self);
        }

        #[inline]
        fn around<T>(ordering: Ordering, access: impl FnOnce() -> T) -> T {
            let fence_if = |place: Fences| {
                if ordering == Ordering::SeqCst && FENCES.get() == place {
                    loom::sync::atomic::fence(Ordering::SeqCst);
                }
            };
            fence_if(Fences::Leading);
            let result = access();
            fence_if(Fences::Trailing);
            result
        }
    }

    /// Tells loom of every load.
    ///
    /// To decide which orders of two threads' steps are worth trying, loom remembers the last access to an atomic. When
    /// one thread loads, and another loads and then stores, the second load makes it forget the first, and the order in
    /// which the store comes before the first load is never tried. So every load also leaves a store here, which
    /// the next one is seen to conflict with. Nothing reads it, and it orders nothing.
    #[derive(Debug, Default)]
    struct Footprint(loom::sync::atomic::AtomicU8);

    impl Footprint {
        #[track_caller]
        fn leave(&self) {
            self.0.store(0, Ordering::Relaxed);
        }
    }

    macro_rules! atomic {
        ($($name:ident($int:ty))*) => {$(
            #[derive(Debug, Default)]
            pub(crate) struct $name(loom::sync::atomic::$name, Footprint);

            // What std has, whether or not the crate uses it for every width.
            #[allow(dead_code)]
            impl $name {
                pub(crate) fn new(value: $int) -> Self {
                    $name(loom::sync::atomic::$name::new(value), Footprint::default())
                }

                #[track_caller]
                pub(crate) fn load(&self, ordering: Ordering) -> $int {
                    self.1.leave();
                    Fences::around(ordering, || self.0.load(ordering))
                }

                #[track_caller]
                pub(crate) fn store(&self, value: $int, ordering: Ordering) {
                    Fences::around(ordering, || self.0.store(value, ordering));
                }

                #[track_caller]
                pub(crate) fn compare_exchange(
                    &self,
                    current: $int,
                    new: $int,
                    success: Ordering,
                    failure: Ordering,
                ) -> Result<$int, $int> {
                    Fences::around(success, || self.0.compare_exchange(current, new, success, failure))
                }

                atomic!(@update $int: swap fetch_add fetch_sub fetch_and fetch_or fetch_max fetch_min);
            }
        )*};
        (@update $int:ty: $($operation:ident)*) => {$(
            #[track_caller]
            pub(crate) fn $operation(&self, value: $int, ordering: Ordering) -> $int {
                Fences::around(ordering, || self.0.$operation(value, ordering))
            }
        )*};
    }
    atomic!(AtomicI64(i64) AtomicU16(u16) AtomicU32(u32) AtomicU64(u64) AtomicUsize(usize));
}

#[cfg(shuttle)]
mod world {
    pub(crate) use shuttle::hint::spin_loop;
    pub(crate) use shuttle::sync::atomic::{AtomicI64, AtomicU16, AtomicU32, AtomicU64, AtomicUsize};
    pub(crate) use shuttle::sync::{Mutex, MutexGuard};

    shuttle::lazy_static! {
        static ref THREADS: AtomicUsize = AtomicUsize::new(0);
    }
    shuttle::thread_local!(pub(crate) static THREAD: usize = THREADS.fetch_add(1, super::Ordering::SeqCst));
}

// Arc is not part of what is checked: its own counts are atomics that no model sees.
pub(crate) use std::sync::Arc;
pub(crate) use std::sync::TryLockError;
pub(crate) use std::sync::atomic::Ordering;
#[cfg(loom)]
pub use world::Fences;
pub(crate) use world::{
    AtomicI64, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Mutex, MutexGuard, spin_loop,
};

/// Something is so small that a model checker can go through it, and otherwise as it is.
pub(crate) const IS_MODEL: bool = cfg!(any(loom, shuttle));

/// A number for the calling thread. Which one it is makes no difference to any result.
#[inline]
pub(crate) fn thread_number() -> usize {
    world::THREAD.with(|&number| number)
}

/// Locks for the control side; a caller that panicked while holding the lock does not take the table with it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Locks unless another thread holds the lock.
pub(crate) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}
