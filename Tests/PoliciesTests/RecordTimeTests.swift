import Foundation
import TestNeeds
import TestSupport
import Testing

@testable import Policies

@Suite("Times in records", .tags(.pure))
struct RecordTimeTests {
    private typealias Zone = TimeForm.Zone

    private static func iso(_ digits: Int = 0, hasSpace: Bool = false, _ zone: TimeForm.Zone = .utc) -> TimeForm {
        .iso8601(TimeForm.ISO8601(fractionDigits: digits, hasSpace: hasSpace, zone: zone))
    }

    private static func iso(_ zone: TimeForm.Zone) -> TimeForm {
        iso(0, zone)
    }

    @Test(
        "Unix seconds, Unix milliseconds and ISO 8601 are read, and written back as they were",
        arguments: [
            ("1690000000", 1_690_000_000_000, .seconds),
            ("9999999999", 9_999_999_999_000, .seconds),
            ("1000000000000", 1_000_000_000_000, .milliseconds),
            ("1690000000123", 1_690_000_000_123, .milliseconds),
            ("1690000000123000", 1_690_000_000_123, .unix(.init(unit: .microseconds))),
            ("1690000000123000000", 1_690_000_000_123, .unix(.init(unit: .nanoseconds))),
            ("1690000000123.000", 1_690_000_000_123, .unix(.init(unit: .milliseconds, fractionDigits: 3))),
            ("1690000000.5", 1_690_000_000_500, .fractionalSeconds(digits: 1)),
            ("1690000000.123", 1_690_000_000_123, .fractionalSeconds(digits: 3)),
            ("1690000000.123000", 1_690_000_000_123, .fractionalSeconds(digits: 6)),
            ("2023-07-22T04:26:40Z", 1_690_000_000_000, iso()),
            ("2023-07-22 04:26:40", 1_690_000_000_000, iso(hasSpace: true, .none)),
            ("2023-07-22T04:26:40.123Z", 1_690_000_000_123, iso(3)),
            ("2023-07-22T04:26:40.123000", 1_690_000_000_123, iso(6, .none)),
            ("2023-07-22T06:26:40+02:00", 1_690_000_000_000, iso(.offset(minutes: 120, style: .colon))),
            ("2023-07-22T09:56:40+0530", 1_690_000_000_000, iso(.offset(minutes: 330, style: .compact))),
            (
                "2023-07-21 23:26:40.5-05", 1_690_000_000_500,
                iso(1, hasSpace: true, .offset(minutes: -300, style: .hours))
            ),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000, iso()),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999, iso(3)),
        ] as [(String, Int64, TimeForm)])
    func reads(text: String, milliseconds: Int64, form: TimeForm) throws {
        let time = try #require(RecordTime(text: text))
        #expect(time == RecordTime(timestamp: Timestamp(milliseconds: milliseconds), form: form))
        #expect(time.text(for: time.timestamp) == text)
    }

    @Test(
        "what isn't a time of the years 2001 to 9999 isn't read",
        arguments: [
            "", " ", " 12", "12 ", "yesterday", "nan", "NaN", "inf", "-1", "+1690000000", "1e8", "1e", "1e99", "e9",
            "0x10", "1690000000.",
            ".5", "1690000000,5", "1690000000.1234567890", "١٦٩٠٠٠٠٠٠٠", "253402300800000",
            "1", "81234.567", "999999999", "20261129", "202611291230", "20261129123031", "20261129123031123",
            "100000000000", "253402300799999", "99999999999", "99999999999999999",
            "99999999999999999999999999", "null", "true", "1690000000\n", "1690000000\u{301}",
            "2023-07-22", "2023/07/22", "2023-07-22T04:26:40 Z", "2023-07-22T04Z", "2023-07-22T042640Z",
            "2023-07/22 04:26:40",
            "2023-7-22T04:26:40Z", "2023-07-22T4:26:40Z", "2023-07-22T04:26:40.Z", "2023-07-22T04:26:40.1234567890Z",
            "2023-07-22T04:26:40+2", "2023-07-22T04:26:40+02:0", "2023-07-22T04:26:40+02:60", "2023-07-22T04:26:40+24",
            "2023-07-22T04:26:40ZZ", "2023-07-22 04:26:40 CET", "2023-07-22 04:26:40 +0100 m=+1",
            "2023-13-01T00:00:00Z", "2023-00-01T00:00:00Z",
            "2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2023-04-31T00:00:00Z", "2023-07-00T00:00:00Z",
            "2023-07-22T24:00:00Z", "2023-07-22T23:60:00Z", "2023-07-22T23:59:60Z", "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+00:01", "1970-01-01T22:33:54Z", "1999-12-31T23:59:59Z", "10000-01-01T00:00:00Z",
            "9999-12-31T23:59:59-01:00", "-2023-07-22T04:26:40Z",
            "20230722T0426Z", "20230722 042640", "2023-W29-6T04:26:40Z", "2023-07-22T04:26:40\u{0}",
            "2023_07-22T04:26:40Z",
            "Sun, 22 Jul 2023 04:26:40 +0000", "Sat, 32 Jul 2023 04:26:40 +0000", "Sat, 22 Jul 23 04:26:40 +0000",
            "Sat, 22 Jul 2023 04:26:40 CET", "Sat, 22 Juli 2023 04:26:40 GMT", "Sat 22 Jul 2023 04:26:40 GMT", "Sat, ",
        ])
    func refuses(text: String) {
        #expect(RecordTime(text: text) == nil)
    }

    @Test(
        "what a form has no digits for is cut off, not rounded up",
        arguments: [
            (.seconds, "1690000000"), (.milliseconds, "1690000000999"),
            (.fractionalSeconds(digits: 2), "1690000000.99"), (.fractionalSeconds(digits: 6), "1690000000.999000"),
            (iso(), "2023-07-22T04:26:40Z"), (iso(1), "2023-07-22T04:26:40.9Z"),
            (iso(9, .none), "2023-07-22T04:26:40.999000000"),
        ] as [(TimeForm, String)])
    func cuts(form: TimeForm, text: String) {
        #expect(form.text(for: now + .milliseconds(999)) == text)
    }

    @Test("a time outside the readable years is written as the nearest inside")
    func clamps() {
        let west = Self.iso(.offset(minutes: -720, style: .colon))
        let east = Self.iso(3, .offset(minutes: 840, style: .colon))
        #expect(Self.iso(3).text(for: Timestamp(milliseconds: .max)) == "9999-12-31T23:59:59.999Z")
        #expect(TimeForm.seconds.text(for: Timestamp(milliseconds: .min)) == "0")
        #expect(TimeForm.seconds.text(for: Timestamp(milliseconds: .max)) == "9999999999")
        #expect(west.text(for: Timestamp(milliseconds: .min)) == "1969-12-31T12:00:00-12:00")
        for form in [west, east, .milliseconds, .seconds, .fractionalSeconds(digits: 3)] {
            #expect(RecordTime(text: form.text(for: Timestamp(milliseconds: .max))) != nil, "\(form)")
        }
    }

    @Test("dates are those of the calendar", arguments: seeds)
    func agreesWithFoundation(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(secondsFromGMT: 0))
        for _ in 0..<1_000 {
            let milliseconds = Int64.random(in: 0...253_402_300_799_999, using: &generator)
            let date = Date(timeIntervalSince1970: Double(milliseconds / 1_000))
            let parts = calendar.dateComponents([.year, .month, .day, .hour, .minute, .second], from: date)
            let expected = String(
                format: "%04d-%02d-%02dT%02d:%02d:%02dZ", parts.year ?? 0, parts.month ?? 0, parts.day ?? 0,
                parts.hour ?? 0, parts.minute ?? 0, parts.second ?? 0)
            #expect(Self.iso().text(for: Timestamp(milliseconds: milliseconds)) == expected, "seed \(seed)")
        }
    }

    @Test("every time that is written in a form reads back, to the precision of the form", arguments: seeds)
    func roundTrip(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<2_000 {
            let zone = generator.pick([
                Zone.none, .utc, .offset(minutes: Int.random(in: -1_439...1_439, using: &generator), style: .colon),
                .offset(minutes: Int.random(in: -1_439...1_439, using: &generator), style: .compact),
                .offset(minutes: 60 * Int.random(in: -12...14, using: &generator), style: .hours),
            ])
            let digits = Int.random(in: 1...9, using: &generator)
            let form = generator.pick([
                .seconds, .fractionalSeconds(digits: digits), .milliseconds, .unix(.init(unit: .microseconds)),
                .unix(.init(unit: .nanoseconds)), Self.iso(zone), Self.iso(digits, zone),
                Self.iso(digits, hasSpace: true, zone),
            ])
            let time = Timestamp(
                milliseconds: Int64.random(in: 1_000_000_000_000...9_999_999_999_999, using: &generator))
            let text = form.text(for: time)
            let read = try #require(RecordTime(text: text), "\(text), seed \(seed)")
            #expect(read.form == form, "\(text), seed \(seed)")
            #expect(read.text(for: read.timestamp) == text, "seed \(seed)")
            #expect((.zero..<Duration.seconds(1)).contains(time - read.timestamp), "\(text), seed \(seed)")
        }
    }

    @Test("no text makes the reader trap", arguments: seeds)
    func fuzz(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let alphabet = Array("0123456789-+:.,/TZ etzUCm=\u{301}é")
        for _ in 0..<20_000 {
            let length = Int.random(in: 0...30, using: &generator)
            var text = Array(
                generator.pick([
                    "2023-07-22T04:26:40.123+02:00", "1690000000.123", "1.69e9", "Sat, 22 Jul 2023 04:26:40 +0000",
                    "2023-07-22 04:26:40.123456789 +0100 CET m=+0.0123", "20230722T042640Z", "",
                ]))
            for _ in 0..<Int.random(in: 0...4, using: &generator) where !text.isEmpty {
                text[Int.random(in: text.indices, using: &generator)] = generator.pick(alphabet)
            }
            if text.isEmpty { text = (0..<length).map { _ in generator.pick(alphabet) } }
            guard let time = RecordTime(text: String(text)) else { continue }
            #expect(
                (RecordTime.earliest...RecordTime.latest).contains(time.timestamp.milliseconds),
                "\(String(text)), seed \(seed)")
        }
    }
}
