package import Foundation

/// A time zone: how far its clocks are ahead of UTC.
///
/// Governments change their clocks, and it is the machine's data that hears of it: the program's own is as old as the
/// program. So the system's file of a zone counts where it is there, and what is built in is for machines without one.
package struct Zone: Sendable {
    /// What it is called: `Europe/Berlin`.
    package let name: String
    private let builtIn: TimeZone?
    private let folder: ZoneFolder?

    /// Coordinated universal time, which needs no data.
    package static let utc = Zone(builtIn: .gmt)

    /// The zone as the program knows it.
    package init(builtIn: TimeZone) {
        // Foundation calls UTC `GMT`, which is London's winter time to most people.
        name = builtIn.identifier == "GMT" ? "UTC" : builtIn.identifier
        self.builtIn = builtIn
        folder = nil
    }

    /// A zone by its name; nil where neither the system nor the program knows it.
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

    /// The system's file of it, as it is now.
    var file: ZoneFile? { folder?.zone(name) }

    /// Whether the system has a file of it, though it may be one that can't be read.
    var hasFile: Bool { folder?.has(name) ?? false }

    /// How far ahead of UTC it is where that is all that its name says (`GMT+5`), and no file says otherwise.
    var fixedOffset: Int? {
        guard !hasFile, let builtIn, ["GMT+", "GMT-"].contains(where: builtIn.identifier.hasPrefix) else { return nil }
        return builtIn.secondsFromGMT()
    }

    /// The offset at a second, by what is built in; nil where it isn't known there.
    func builtInOffset(at second: Int) -> Int? {
        builtIn?.secondsFromGMT(for: Date(timeIntervalSince1970: Double(second)))
    }

    /// The offset at a second as a function, by what is known of the zone now.
    package var offset: @Sendable (_ second: Int) -> Int {
        if let file { return { file.offset(at: $0) } }
        let builtIn = builtIn ?? .gmt
        return { builtIn.secondsFromGMT(for: Date(timeIntervalSince1970: Double($0))) }
    }
}

extension Zone: Equatable {
    /// Zones are equal where they are called the same.
    package static func == (one: Zone, other: Zone) -> Bool { one.name == other.name }
}
