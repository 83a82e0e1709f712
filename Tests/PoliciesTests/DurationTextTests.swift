import Policies
import TestNeeds
import TestSupport
import Testing

@Suite("Duration text", .tags(.pure))
struct DurationTextTests {
    @Test(
        "a duration is read as people write it",
        arguments: [
            ("500ms", 500), ("15m", 900_000), ("1h30m", 5_400_000), ("1h 30m", 5_400_000), ("7d", 604_800_000),
            ("2w", 1_209_600_000), ("0s", 0), ("0ms", 0), ("1w2d3h4m5s6ms", 788_645_006), ("007s", 7_000),
            ("90s", 90_000), ("9223372036854775807ms", .max),
        ] as [(String, Int64)])
    func reads(text: String, milliseconds: Int64) {
        #expect(Duration(text: text) == .milliseconds(milliseconds))
    }

    @Test(
        "what has no unit, two of one, or is no duration at all isn't read",
        arguments: [
            "", " ", "5", "m", "-5m", "+5m", "5M", "5 m", " 5m", "5m ", "5m  3s", "30m1h", "5m5m", "1.5h", "5min",
            "1h30", "nan", "∞", "٣m", "1y", "9223372036854775808ms", "9223372036854775807s", "15250284452w1w",
            "106751991167d23h", "5m,3s",
        ])
    func refuses(text: String) {
        #expect(Duration(text: text) == nil)
    }

    @Test(
        "a duration is written as short as can be",
        arguments: [
            (0, "0s"), (1, "1ms"), (1_000, "1s"), (60_500, "1m500ms"), (5_400_000, "1h30m"),
            (259_200_000, "3d"), (1_209_600_000, "14d"), (-300_000, "-5m"), (.min, "-106751991167d7h12m55s808ms"),
        ] as [(Int64, String)])
    func writes(milliseconds: Int64, text: String) {
        #expect(Duration.milliseconds(milliseconds).text == text)
    }

    @Test(
        "people get two units of it, rounded down",
        arguments: [
            (0, "0s"), (999, "999ms"), (1_999, "1s"), (603_217, "10m3s"), (600_000, "10m"), (5_459_999, "1h30m"),
            (277_199_000, "3d4h"), (-603_217, "-10m3s"), (.min, "-106751991167d7h"),
        ] as [(Int64, String)])
    func writesRoughly(milliseconds: Int64, text: String) {
        #expect(Duration.milliseconds(milliseconds).roughText == text)
    }

    @Test("what is written reads back", arguments: seeds)
    func roundTrip(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<2_000 {
            let bits = Int.random(in: 0..<63, using: &generator)
            let duration = Duration.milliseconds(Int64.random(in: 0...(Int64(1) << bits), using: &generator))
            #expect(Duration(text: duration.text) == duration, "seed \(seed)")
        }
    }
}
