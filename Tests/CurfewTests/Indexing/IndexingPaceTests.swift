import TestNeeds
import Testing

@testable import Curfew

@Suite("indexing: the pace", .tags(.pure))
struct IndexingPaceTests {
    /// Lets a scan walk on a server with that round trip and that time for each key.
    private func walk(_ pace: inout ScanPace, steps: Int = 200, roundTrip: Duration, perKey: Duration) -> Duration {
        var longest = Duration.zero
        for _ in 0..<steps {
            let held = perKey * pace.step
            _ = pace.rest(after: roundTrip + held)
            pace.walked(pace.step, took: roundTrip + held)
            longest = max(longest, held)
        }
        return longest
    }

    @Test(
        "a step comes to hold Redis for the time aimed at, near or far away",
        arguments: [.microseconds(50), .milliseconds(1), .milliseconds(40)] as [Duration])
    func target(roundTrip: Duration) {
        var pace = ScanPace()
        let longest = walk(&pace, roundTrip: roundTrip, perKey: .nanoseconds(700))
        #expect((115...180).contains(pace.step))
        #expect(longest < ScanPace.target * 1.5)
    }

    @Test("a slow server shrinks the step at once, within its bounds")
    func slow() {
        var pace = ScanPace()
        _ = walk(&pace, roundTrip: .microseconds(50), perKey: .nanoseconds(700))
        _ = walk(&pace, steps: 6, roundTrip: .microseconds(50), perKey: .microseconds(7))
        #expect(pace.step <= 24)
        _ = walk(&pace, roundTrip: .microseconds(50), perKey: .milliseconds(7))
        #expect(pace.step == ScanPace.bounds.lowerBound)
        _ = walk(&pace, roundTrip: .microseconds(50), perKey: .nanoseconds(10))
        #expect(pace.step == ScanPace.bounds.upperBound)
    }

    @Test("it rests three times as long as it held Redis, and never longer than a limit")
    func rests() {
        var pace = ScanPace()
        _ = pace.rest(after: .microseconds(100))
        #expect(pace.rest(after: .microseconds(300)) == .microseconds(600))
        #expect(pace.rest(after: .microseconds(100)) == ScanPace.target * 1.5)
        #expect(pace.rest(after: .seconds(9)) == ScanPace.longestRest)
    }

    @Test("one slow answer among quick ones changes nothing")
    func outlier() {
        var pace = ScanPace()
        _ = walk(&pace, roundTrip: .microseconds(50), perKey: .nanoseconds(700))
        let step = pace.step
        pace.walked(step, took: .milliseconds(30))
        #expect(pace.step >= step)
    }
}
