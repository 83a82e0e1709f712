import Policies
import TestNeeds
import TestSupport
import Testing

@Suite("Timestamp", .tags(.pure))
struct TimestampTests {
    @Test("adding and subtracting a duration are inverse")
    func arithmetic() {
        #expect(now + .seconds(3) == Timestamp(milliseconds: 1_690_000_003_000))
        #expect(now - .seconds(3) == Timestamp(milliseconds: 1_689_999_997_000))
        #expect((now + .seconds(3)) - now == .seconds(3))
        #expect(now - (now + .seconds(3)) == .seconds(-3))
        #expect(now < now + .milliseconds(1))
    }

    @Test("nothing overflows: sums stay at the end of the range")
    func saturation() {
        let first = Timestamp(milliseconds: .min)
        let last = Timestamp(milliseconds: .max)
        #expect(last + .seconds(1) == last)
        #expect(first + .seconds(-1) == first)
        #expect(first - .seconds(1) == first)
        #expect(last - .seconds(-1) == last)
        #expect(last - first == .milliseconds(Int64.max))
        #expect(first - last == .milliseconds(Int64.min))
        #expect(now + .seconds(Int64.max) == last)
    }

    @Test(
        "a duration has whole milliseconds, rounded towards zero",
        arguments: [
            (Duration.seconds(90), 90_000), (.milliseconds(-1_500), -1_500), (.microseconds(1_999), 1),
            (.microseconds(-1_999), -1), (.zero, 0), (.seconds(Int64.max), .max), (.seconds(Int64.min), .min),
            (.milliseconds(Int64.max), .max), (.milliseconds(Int64.min), .min),
        ] as [(Duration, Int64)])
    func milliseconds(duration: Duration, milliseconds: Int64) {
        #expect(duration.milliseconds == milliseconds)
    }
}
