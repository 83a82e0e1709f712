import Foundation
import TestNeeds
import TestSupport
import Testing

@testable import Policies

@Suite("Times in records: forms, zones and nothings", .tags(.pure))
struct RecordTimeFormsTests {
    private static let moment: Int64 = 1_795_955_431_000

    @Test(
        "what libraries write is read, and written back as it was",
        arguments: [
            ("2026-11-29T12:30:31Z", 0), ("2026-11-29t12:30:31z", 0), ("2026-11-29T12:30:31,123Z", 123),
            ("2026-11-29 12:30:31,123", 123), ("20261129T123031Z", 0), ("20261129T123031.123Z", 123),
            ("20261129T133031+0100", 0), ("2026/11/29 12:30:31", 0), ("2026/11/29 12:30:31 UTC", 0),
            ("2026-11-29 12:30:31 UTC", 0), ("2026-11-29 12:30:31.123 UTC", 123), ("2026-11-29 13:30:31 +0100", 0),
            ("2026-11-29 13:30:31 +01:00", 0), ("2026-11-29 12:30:31.123 GMT", 123),
            ("2026-11-29 12:30:31.123 +0000 UTC", 123), ("2026-11-29 13:30:31.123 +0100 CET", 123),
            ("2026-11-29 09:30:31 -0300 -03", 0), ("Sun, 29 Nov 2026 12:30:31 +0000", 0),
            ("Sun, 29 Nov 2026 12:30:31 GMT", 0), ("Sun, 29 Nov 2026 13:30:31 +0100", 0),
            ("29 Nov 2026 12:30:31 +0000", 0), ("1795955431", 0), ("1.795955431e9", 0), ("1.795955431e+09", 0),
            ("1.795955431E9", 0), ("1.795955431123E12", 123), ("1795955431.123", 123), ("1795955431123000", 123),
        ] as [(String, Int64)])
    func forms(text: String, fraction: Int64) throws {
        let time = try #require(RecordTime(text: text))
        #expect(time.timestamp == Timestamp(milliseconds: Self.moment + fraction))
        #expect(time.text(for: time.timestamp) == text)
    }

    @Test("seconds that are left out where they are zero are written where they aren't")
    func minutes() throws {
        let time = try #require(RecordTime(text: "2026-11-29T12:30Z"))
        #expect(time.timestamp == Timestamp(milliseconds: Self.moment - 31_000))
        #expect(time.text(for: time.timestamp) == "2026-11-29T12:30Z")
        #expect(time.text(for: Timestamp(milliseconds: Self.moment)) == "2026-11-29T12:30:31Z")
    }

    @Test("Go's monotonic clock is passed over, and not written")
    func monotonic() throws {
        let time = try #require(RecordTime(text: "2026-11-29 13:30:31.123456789 +0100 CET m=+0.0123"))
        #expect(time.timestamp == Timestamp(milliseconds: Self.moment + 123))
        #expect(time.text(for: time.timestamp) == "2026-11-29 13:30:31.123000000 +0100 CET")
    }

    @Test("a round number with an exponent is a time like any other")
    func exponents() throws {
        for text in ["1.7e9", "17e8", "1.7E+09", "1.7e12", "1700000e6", "1.7e18"] {
            let time = try #require(RecordTime(text: text), "\(text)")
            #expect(time.timestamp == Timestamp(milliseconds: 1_700_000_000_000), "\(text)")
        }
        let form = try #require(RecordTime(text: "1.0E9")).form
        #expect(form.text(for: Timestamp(milliseconds: 2_000_000_000_000)) == "2.0E9")
        #expect(form.text(for: Timestamp(milliseconds: Self.moment)) == "1.795955431E9")
    }

    @Test(
        "what applications write for no time is nothing, in any form",
        arguments: [
            "", "0", "0.0", "00000", "0e0", "null", "NULL", "None", "nil", "undefined", "0001-01-01",
            "0001-01-01T00:00:00Z", "0001-01-01 00:00:00 +0000 UTC", "0001-01-01T00:00:00+01:00",
            "0000-12-31T19:03:58-04:56", "0000-00-00 00:00:00", "Mon, 01 Jan 0001 00:00:00 +0000", "-62135596800",
            "-62135596800000", "1970-01-01", "1970-01-01T00:00:00Z", "1970-01-01 00:00:00.000",
            "1970-01-01T01:00:00+01:00", "1970-01-01T00:00:00-05:00", "Thu, 01 Jan 1970 00:00:00 GMT",
        ])
    func nothing(text: String) {
        #expect(TimeReading().read(text) == .none)
    }

    @Test("other texts for no time can be said, and are compared byte by byte")
    func nulls() {
        let reading = TimeReading(nulls: ["-1", "2099-12-31T00:00:00Z", "\u{e9}"])
        #expect(reading.read("-1") == .none)
        #expect(reading.read("2099-12-31T00:00:00Z") == .none)
        #expect(reading.read("e\u{301}") != .none)
        #expect(TimeReading().read("-1") == .unreadable(RecordTime.expectation))
    }

    @Test("a unit that is said counts, and a number that can't be of it is none")
    func units() throws {
        for (unit, text) in zip(TimeUnit.allCases, ["1795955431", "1795955431000", "1795955431000000"]) {
            let reading = TimeReading(unit: unit)
            guard case .time(let time) = reading.read(text) else {
                Issue.record("\(text) of \(unit)")
                continue
            }
            #expect(time.timestamp == Timestamp(milliseconds: Self.moment))
            for other in TimeUnit.allCases where other != unit {
                let expected = "expected a Unix time in \(other.noun), of \(other.digitsOfTime) digits "
                #expect(
                    TimeReading(unit: other).read(text) == .unreadable(expected + "(time-unit is \(other.rawValue))"))
            }
        }
    }

    /// Berlin in 2026, without the data of time zones.
    private static let berlin = LocalZone(name: "Europe/Berlin") { second in
        (1_774_746_000..<1_792_890_000).contains(second) ? 7_200 : 3_600
    }

    @Test(
        "a time without a zone is that of the zone which is said, and written so; what comes twice is the later",
        arguments: [
            ("2026-11-29T13:30:31", 1_795_955_431), ("2026/07/29 14:30:31", 1_785_328_231),
            ("20261129T133031", 1_795_955_431), ("Sun, 29 Nov 2026 13:30:31", 1_795_955_431),
            ("2026-10-25T02:30:00", 1_792_891_800),
        ] as [(String, Int64)])
    func zones(text: String, second: Int64) throws {
        guard case .time(let time) = TimeReading(zone: Self.berlin).read(text) else {
            Issue.record("\(text) isn't read")
            return
        }
        #expect(time.timestamp == Timestamp(milliseconds: second * 1_000))
        #expect(time.text(for: time.timestamp) == text)
        #expect(!time.isWithoutZone)
        #expect(try #require(RecordTime(text: text)).isWithoutZone)
    }

    @Test("a time that the clock leaves out in spring is the later of what it may mean")
    func gap() {
        guard case .time(let time) = TimeReading(zone: Self.berlin).read("2026-03-29T02:30:00") else {
            Issue.record("it isn't read")
            return
        }
        #expect(time.timestamp == Timestamp(milliseconds: 1_774_747_800_000))
    }

    @Test("a zone that the text names wins")
    func namedZone() {
        let reading = TimeReading(zone: Self.berlin)
        #expect(reading.read("2026-11-29T12:30:31Z") == TimeReading().read("2026-11-29T12:30:31Z"))
        #expect(reading.read("1795955431") == TimeReading().read("1795955431"))
    }
}
