internal import Policies

/// Where a sweep is in its index: which ranks to ask for next, and which answers to pass over.
///
/// A sweep removes or re-scores what it deals with and leaves the rest, so that what has been *left* is always the front
/// of the index and the next unseen entry has the rank of their number. Ranks are found in O(log N) however many were
/// left, which scores with an offset are not. Entries that are queued or on their way through the sweep are still in the
/// index (or just gone): they are asked for again and passed over.
///
///     rank   0 ……… left │ ……… pending (queued, being read, being committed) ……… │ ……… not yet seen ………
///
/// An answer is a little old when it comes: entries that were dealt with since it was asked for may still be in it, so they
/// are remembered until then. One range is asked for at a time.
///
/// The app moves entries meanwhile. One that slips past in front of the cursor is found by the next run: the index is
/// only a hint.
struct DueCursor {
    private(set) var left = 0
    private(set) var isExhausted = false
    private var pending: Set<String> = []
    private var finished: Set<String> = []

    /// The ranks of the next request for that many new entries.
    func range(count: Int) -> ClosedRange<Int> {
        left...(left + pending.count + count - 1)
    }

    /// Takes the answer for a range: the entries that are new, up to the horizon.
    ///
    /// Anything less than was asked for, or a score beyond the horizon, means that there are no more.
    mutating func take(_ entries: [DueEntry], asked range: ClosedRange<Int>, horizon: Timestamp) -> [DueEntry] {
        if entries.count < range.count { isExhausted = true }
        var new: [DueEntry] = []
        for entry in entries {
            guard entry.score <= Double(horizon.milliseconds) else {
                isExhausted = true
                break
            }
            if !finished.contains(entry.id), pending.insert(entry.id).inserted { new.append(entry) }
        }
        finished.removeAll(keepingCapacity: true)
        return new
    }

    /// An entry is dealt with: it is gone from the due part of the index, or stays where it is.
    mutating func finished(_ id: String, stays: Bool) {
        pending.remove(id)
        if !isExhausted { finished.insert(id) }
        if stays { left += 1 }
    }
}
