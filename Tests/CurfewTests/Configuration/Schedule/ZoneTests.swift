import Foundation
import Policies
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("Time zones of the machine", .tags(.pure))
struct ZoneTests {
    /// A file of the time zone database with nothing in it but a rule for all times.
    private static func file(_ rule: String) -> [UInt8] {
        func number(_ value: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }
        let half =
            Array("TZif2".utf8) + [UInt8](repeating: 0, count: 15) + [0, 0, 0, 0, 1, 4].flatMap(number)
            + number(0) + [0, 0] + Array("XXX\0".utf8)
        return half + half + Array("\n\(rule)\n".utf8)
    }

    private func withFolder(_ body: (ZoneFolder, URL) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "zones-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: path.appending(path: "America"), withIntermediateDirectories: true)
        defer {
            #expect(throws: Never.self) { try FileManager.default.removeItem(at: path) }
        }
        try body(ZoneFolder(paths: ["/nowhere", path.path]), path)
    }

    private func write(_ bytes: [UInt8], _ name: String, _ folder: URL) throws {
        // As packages do: another file takes the place of the old one.
        try Data(bytes).write(to: folder.appending(path: name), options: .atomic)
    }

    @Test("the machine's file of a zone counts, a newer one at once, and what is built in where there is none")
    func fileCounts() throws {
        try withFolder { folder, path in
            let zone = try #require(Zone("America/Vancouver", in: folder))
            let daily = Schedule.cron(try CronExpression("0 4 * * *"), timezone: zone)
            let now = try time("2030-01-15T00:00:00Z")
            #expect(daily.first(from: now) == (try time("2030-01-15T12:00:00Z")))
            try write(Self.file("MST7"), "America/Vancouver", path)
            #expect(daily.first(from: now) == (try time("2030-01-15T11:00:00Z")))
            try write(Self.file("XST1"), "America/Vancouver", path)
            #expect(daily.first(from: now) == (try time("2030-01-15T05:00:00Z")))
            try write(Array("not a zone".utf8), "America/Vancouver", path)
            #expect(daily.first(from: now) == (try time("2030-01-15T12:00:00Z")))
        }
    }

    @Test("a zone that only the machine knows is known, and no name leads out of the folder")
    func names() throws {
        try withFolder { folder, path in
            #expect(Zone("America/Newtown", in: folder) == nil)
            try write(Self.file("<-0330>3:30"), "America/Newtown", path)
            #expect(Zone("America/Newtown", in: folder)?.offset(0) == -12_600)
            for name in ["America/../America/Newtown", "/America/Newtown", "America//Newtown", "America", ""] {
                #expect(Zone(name, in: folder) == nil, "\(name)")
            }
        }
    }

    @Test(
        "rules for all times to come",
        arguments: [
            ("CET-1CEST,M3.5.0,M10.5.0/3", "2031-03-30T00:59:59Z", 3600),
            ("CET-1CEST,M3.5.0,M10.5.0/3", "2031-03-30T01:00:00Z", 7200),
            ("CET-1CEST,M3.5.0,M10.5.0/3", "2031-10-26T00:59:59Z", 7200),
            ("CET-1CEST,M3.5.0,M10.5.0/3", "2031-10-26T01:00:00Z", 3600),
            // South of the equator summer reaches over new year.
            ("AEST-10AEDT,M10.1.0,M4.1.0/3", "2031-01-01T00:00:00Z", 39_600),
            ("AEST-10AEDT,M10.1.0,M4.1.0/3", "2031-07-01T00:00:00Z", 36_000),
            ("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2031-12-31T23:59:59Z", 39_600),
            // Dublin's summer time is its standard time.
            ("IST-1GMT0,M10.5.0,M3.5.0/1", "2031-01-01T00:00:00Z", 0),
            ("IST-1GMT0,M10.5.0,M3.5.0/1", "2031-07-01T00:00:00Z", 3600),
            // Greenland's clocks change on the evening before.
            ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2031-03-30T00:59:59Z", -7200),
            ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2031-03-30T01:00:00Z", -3600),
            ("XXX3EDT4,0/0,J365/23", "2031-06-01T00:00:00Z", -14_400), ("<+0545>-5:45", "2031-06-01T00:00:00Z", 20_700),
            ("AAA0BBB,J60/0,300/0", "2032-03-01T00:00:00Z", 3600), ("AAA0BBB,J60/0,300/0", "2032-02-29T23:59:59Z", 0),
        ])
    func rules(text: String, at second: String, offset: Int) throws {
        let rule = try #require(ZoneRule(text.utf8))
        #expect(rule.offset(at: Int(try time(second).milliseconds / 1000)) == offset)
    }

    @Test("what is no rule is none", arguments: ["", "CET", "CET-1CEST", "CET-1CEST,M13.1.0,M4.1.0", "C-1", "CET-1x"])
    func wrongRule(text: String) {
        #expect(ZoneRule(text.utf8) == nil)
    }

    @Test("a file that is cut short anywhere is no file")
    func cut() throws {
        let whole = Self.file("CET-1CEST,M3.5.0,M10.5.0/3")
        #expect(ZoneFile(whole) != nil)
        for length in 0..<whole.count { #expect(ZoneFile(Array(whole.prefix(length))) == nil, "\(length) bytes") }
    }

    @Test(
        "the machine's data and what is built in agree where they are of one version",
        .enabled(if: ZoneFolder.system.version == TimeZone.timeZoneDataVersion))
    func agreement() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = Seeded(seed)
        for name in ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Europe/Dublin", "Asia/Kathmandu"] {
            let file = try #require(ZoneFolder.system.zone(name))
            let builtIn = try #require(TimeZone(identifier: name))
            for _ in 0..<2_000 {
                let second = Int.random(in: 0...4_000_000_000, using: &random)
                let expected = builtIn.secondsFromGMT(for: Date(timeIntervalSince1970: Double(second)))
                #expect(file.offset(at: second) == expected, "\(name) at \(second), seed \(seed)")
            }
        }
    }

    @Test("doctor says which data counts, of which version, and from when on they differ")
    func doctor() throws {
        let now = Date(timeIntervalSince1970: Double(try time("2030-06-15T00:00:00Z").milliseconds / 1000))
        try withFolder { folder, path in
            try write(Self.file("PST8PDT,M3.2.0,M11.1.0"), "America/Los_Angeles", path)
            try write(Self.file("MST7"), "America/Vancouver", path)
            try write(Array("# version 2020a\n".utf8), "tzdata.zi", path)
            let names = ["America/Los_Angeles", "America/Vancouver", "Europe/Berlin"]
            let findings = Doctor.findings(on: names, in: folder, at: now)
            #expect(findings.map(\.check) == ["time zones", "time zone America/Vancouver", "time zone Europe/Berlin"])
            #expect(findings.map(\.state) == [.ok, .warning, .warning])
            #expect(findings[0].message.hasPrefix("data of this machine, 2020a (\(path.path))"))
            #expect(findings[0].message.hasSuffix("is \(TimeZone.timeZoneDataVersion)"))
            #expect(findings[1].message.hasPrefix("from 2030-11-03T09:00:00"), "\(findings[1].message)")
            #expect(findings[1].message.contains("at -07:00 by the data of this machine"))
            #expect(findings[2].message.hasPrefix("this machine has no file for it"))
        }
        for (name, offset) in [("GMT+5", "+05:00"), ("UTC-3", "-03:00")] {
            let finding = Doctor.findings(on: [name], in: .system, at: now).last
            #expect(finding?.state == .ok && finding?.message == "fixed offset \(offset)")
        }
        let none = Doctor.findings(on: ["Europe/Berlin"], in: ZoneFolder(paths: ["/nowhere"]), at: now)
        #expect(none.map(\.state) == [.warning])
        #expect(Doctor.findings(on: [], in: ZoneFolder(paths: ["/nowhere"]), at: now).map(\.state) == [.ok])
    }
}
