package import Foundation

/// A time zone: the offset of its clocks from UTC.
///
/// Governments change clock rules, and the machine's data is updated while the built-in data is as old as the program.
/// So the machine's file is used if there is one, otherwise the built-in data.
package struct Zone: Sendable {
    /// Its name: `Europe/Berlin`.
    package let name: String
    private let builtIn: TimeZone?
    private let folder: ZoneFolder?

    /// Coordinated universal time, which needs no data.
    package static let utc = Zone(builtIn: .gmt)

    /// The zone with built-in data.
    package init(builtIn: TimeZone) {
        // Foundation calls UTC `GMT`, which most people take for London's winter time.
        name = builtIn.identifier == "GMT" ? "UTC" : builtIn.identifier
        self.builtIn = builtIn
        folder = nil
    }

    /// A zone by its name; nil if neither the machine nor the program knows it.
    package init?(_ name: String) {
        self.init(name, in: .system)
    }

    init?(_ name: String, in folder: ZoneFolder) {
        let builtIn = TimeZone(identifier: name)
        if let builtIn, builtIn.identifier == "GMT" {
            self = .utc
            return
        }
        guard builtIn != nil || folder.zone(name) != nil else { return nil }
        self.name = name
        self.builtIn = builtIn
        self.folder = folder
    }

    /// The machine's current file of the zone.
    var file: ZoneFile? { folder?.zone(name) }

    /// Whether the machine has a file of the zone, readable or not.
    var hasFile: Bool { folder?.has(name) ?? false }

    /// The offset of a zone whose name is an offset (`GMT+5`), if no file says otherwise.
    var fixedOffset: Int? {
        guard !hasFile, let builtIn, ["GMT+", "GMT-"].contains(where: builtIn.identifier.hasPrefix) else { return nil }
        return builtIn.secondsFromGMT()
    }

    /// The offset at a second by the built-in data; nil if the zone isn't known there.
    func builtInOffset(at second: Int) -> Int? {
        builtIn?.secondsFromGMT(for: Date(timeIntervalSince1970: Double(second)))
    }

    /// The offset at a second as a function, by the current data.
    package var offset: @Sendable (_ second: Int) -> Int {
        if let file { return { file.offset(at: $0) } }
        let builtIn = builtIn ?? .gmt
        return { builtIn.secondsFromGMT(for: Date(timeIntervalSince1970: Double($0))) }
    }
}

extension Zone: Equatable {
    /// Zones are equal if their names are equal.
    package static func == (one: Zone, other: Zone) -> Bool { one.name == other.name }
}
