internal import Foundation
internal import Glibc
internal import RedisClient

/// Writes answers to standard output, as JSON or as text for people.
enum Output {
    /// Whether standard output is a terminal.
    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Whether standard error shows the progress: it is a terminal, and one that can replace a line.
    static var showsProgress: Bool {
        isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
    }

    /// Writes a line.
    static func line(_ text: String = "") {
        write(text + "\n", to: .standardOutput)
    }

    /// Writes text; ``ByteText`` in it is decoded here, as the last step.
    ///
    /// If the reader is gone (`curfew watch | head`), the command has nothing left to do and exits. If the answer is
    /// lost for another reason (a full disk), the command has failed. A failed write to standard error doesn't stop the
    /// work.
    static func write(_ text: String, to file: FileHandle) {
        let reason = failure(of: Array(ByteText.readable(text.utf8)), to: file.fileDescriptor)
        guard reason != 0, file.fileDescriptor != STDERR_FILENO else { return }
        if reason == EPIPE { exit(EXIT_SUCCESS) }
        note("curfew: the answer can't be written to standard output: \(String(cString: strerror(reason)))\n")
        exit(Failure.Status.doneWithErrors.rawValue)
    }

    /// Writes bytes; returns the error number, or 0.
    static func failure(of bytes: [UInt8], to descriptor: Int32) -> Int32 {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                var room = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&room, 1, -1)
            } else if errno != EINTR {
                return errno
            }
        }
        return 0
    }

    /// Opens missing standard streams, so that no connection or file takes their place.
    ///
    /// Writing to a stream that was closed by the parent process fails.
    static func prepare() {
        signal(SIGPIPE, SIG_IGN)
        for stream in STDIN_FILENO...STDERR_FILENO where fcntl(stream, F_GETFD) == -1 {
            // `open` returns the lowest free number, which is this stream.
            _ = open("/dev/null", O_RDONLY)
        }
    }

    /// Writes a value as JSON: one line, keys sorted.
    static func json(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        line(String(decoding: try encoder.encode(value), as: UTF8.self))
    }

    /// Replaces the line of progress on standard error.
    ///
    /// It is cut to the width of the terminal: of a line that is wrapped only the last part would be replaced.
    static func progress(_ text: String) {
        var size = winsize()
        let isKnown = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        note("\r\u{1B}[K" + text.clipped(to: isKnown ? Int(size.ws_col) - 1 : 79))
    }

    /// Writes to standard error.
    static func note(_ text: String) {
        write(text, to: .standardError)
    }
}

/// Colours, only on a terminal and only if `NO_COLOR` is not set (https://no-color.org).
enum Style: String {
    case bold = "1", dim = "2", red = "31", green = "32", yellow = "33", blue = "34"

    private static let isOn = Output.isTerminal && (ProcessInfo.processInfo.environment["NO_COLOR"] ?? "").isEmpty

    /// The text in this style.
    func callAsFunction(_ text: String) -> String {
        Style.isOn ? "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" : text
    }
}

extension String {
    /// The text with everything that controls or misleads a terminal escaped: ids and reasons come from Redis.
    var printable: String {
        // Decoded first: the bytes of such a character don't look special on their own.
        let text = readable
        guard text.unicodeScalars.contains(where: \.steersTerminals) else { return text }
        return text.unicodeScalars.reduce(into: "") { text, scalar in
            if scalar.steersTerminals {
                text += scalar.escaped(asASCII: true)
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
    }

    /// The text padded with spaces to this many characters.
    func padded(to width: Int) -> String {
        let text = readable
        return text.count >= width ? text : text + String(repeating: " ", count: width - text.count)
    }
}

extension Unicode.Scalar {
    /// Whether it is a control character, a line break, or changes the direction of text.
    var steersTerminals: Bool {
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        default: properties.isBidiControl
        }
    }
}
