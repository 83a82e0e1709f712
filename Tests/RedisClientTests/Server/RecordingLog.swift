import Logging
import NIOConcurrencyHelpers

/// A log that a test can read.
struct RecordingLog: Sendable {
    private let box = NIOLockedValueBox<[String]>([])

    /// A logger that writes to it, at every level.
    var logger: Logger {
        Logger(label: "test") { _ in Handler(box: box) }
    }

    /// What was logged, without metadata.
    var messages: [String] { box.withLockedValue { $0 } }

    private struct Handler: LogHandler {
        let box: NIOLockedValueBox<[String]>
        var logLevel = Logger.Level.trace
        var metadata = Logger.Metadata()

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            box.withLockedValue { $0.append("\(event.message)") }
        }
    }
}
