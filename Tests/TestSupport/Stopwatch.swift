internal import Foundation
internal import Glibc

/// How long something takes on a machine that has time for it.
///
/// What is promised in seconds can't be kept by a machine whose processors are busy with something else. Linux counts the
/// time in which anybody had to wait for a processor (`/proc/pressure/cpu`): that is granted beside the promise. Where it
/// doesn't, nothing is granted.
package struct Stopwatch: Sendable {
    private let start = ContinuousClock.now
    private let stalledBefore = Self.stalled

    /// Starts to count.
    package init() {}

    /// The time since the start without ``granted``.
    package var elapsed: Duration { max(start.duration(to: .now) - granted, .zero) }

    /// For how long since the start somebody had to wait for a processor.
    package var granted: Duration { max(Self.stalled - stalledBefore, .zero) }

    /// ``granted`` in milliseconds.
    package var grantedMilliseconds: Int64 { Int64(granted / .milliseconds(1)) }

    /// The counter of `some … total=`, in microseconds since the machine was started.
    private static var stalled: Duration {
        guard let text = FileManager.default.contents(atPath: "/proc/pressure/cpu"),
            let total = String(decoding: text, as: UTF8.self).firstMatch(of: /some .*total=(\d+)/)
        else { return .zero }
        return .microseconds(Int64(total.output.1) ?? 0)
    }
}

/// The time that the processor spent on a body, whatever else it did meanwhile.
package func processorTime(of body: () throws -> Void) rethrows -> Duration {
    func now() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
    let start = now()
    try body()
    return now() - start
}
