/// A time as a record has it: the point in time, and the form it is written in.
package struct RecordTime: Sendable, Hashable {
    /// The point in time, cut to milliseconds.
    package var timestamp: Timestamp
    /// How the record writes it.
    package var form: TimeForm

    /// 10⁹ s, the first second that is taken for a time: in September 2001, before anything that Redis can hold.
    static let earliest: Int64 = 1_000_000_000_000

    /// The last millisecond of the year 9999.
    static let latest: Int64 = 253_402_300_799_999

    /// The last millisecond of the last second with ten digits, in the year 2286.
    static let latestNumber: Int64 = 9_999_999_999_999

    /// How far ahead of now a time may be that has passed, for clocks that differ, and for zones that nobody named.
    static let mostAhead = Duration.seconds(86_400)

    /// What a time may look like, for messages.
    static let expectation = "expected Unix seconds, Unix milliseconds, ISO 8601 or RFC 2822"

    /// Makes a time from its parts.
    package init(timestamp: Timestamp, form: TimeForm) {
        self.timestamp = timestamp
        self.form = form
    }

    /// Reads a time in any of the forms of ``TimeReading``; nil for what is none.
    package init?(text: String) {
        guard case .time(let time) = TimeReading().read(text) else { return nil }
        self = time
    }

    /// Another time, written as this one is.
    package func text(for time: Timestamp) -> String {
        form.text(for: time)
    }
}
