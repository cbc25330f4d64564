//! Buffers of frames that are on their way, used again and again.

/// Buffers that hold no frame now; the one that was used last is given out first, as it is still in the cache.
#[derive(Default)]
pub(crate) struct FramePool(Vec<Vec<u8>>);

impl FramePool {
    /// An empty buffer.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_default()
    }

    /// A copy of a frame.
    pub(crate) fn copy(&mut self, frame: &[u8]) -> Vec<u8> {
        let mut copy = self.take();
        copy.extend_from_slice(frame);
        copy
    }

    /// A buffer is not needed any more.
    pub(crate) fn give(&mut self, mut frame: Vec<u8>) {
        frame.clear();
        self.0.push(frame);
    }
}
