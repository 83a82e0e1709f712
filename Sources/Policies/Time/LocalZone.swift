/// A time zone as a function: how far its clocks are ahead of UTC, which is all that reading and writing a local time
/// needs to know.
///
/// The data of time zones is not this module's, so the function is handed in. An object, because it goes along with
/// every time that was read through it.
package final class LocalZone: Sendable, Hashable {
    /// What it is called: `Europe/Berlin`.
    package let name: String
    private let offset: @Sendable (_ second: Int64) -> Int64

    /// Makes it from its name and the seconds that it is ahead of UTC at a Unix second.
    package init(name: String, offset: @escaping @Sendable (_ second: Int64) -> Int64) {
        self.name = name
        self.offset = offset
    }

    /// How many seconds its clocks are ahead of UTC at that Unix second.
    func offset(at second: Int64) -> Int64 { offset(second) }

    /// The Unix second at which its clocks show a reading, given in seconds as if it were UTC.
    ///
    /// In autumn an hour comes twice and in spring one is left out. Then the later of what it may mean is taken: a record
    /// that is thought too young is looked at again, one that is thought too old is changed.
    func second(showing reading: Int64) -> Int64 {
        let candidates = [-86_400, 86_400].map { reading - offset($0 + reading) }
        let fitting = candidates.filter { offset($0) == reading - $0 }
        return fitting.max() ?? candidates.max() ?? reading
    }

    /// Zones are equal where they are called the same.
    package static func == (one: LocalZone, other: LocalZone) -> Bool { one.name == other.name }

    /// Hashes the name.
    package func hash(into hasher: inout Hasher) { hasher.combine(name) }
}
