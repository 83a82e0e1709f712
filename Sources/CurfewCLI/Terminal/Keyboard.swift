internal import Dispatch
internal import Glibc

/// The keys pressed on the terminal, one by one and without an echo.
///
/// Ctrl-C still sends its signal.
final class Keyboard {
    /// A key with a meaning.
    enum Key: Sendable, Equatable {
        case quit, up, down, pageUp, pageDown, start, end
    }

    /// How the terminal was before.
    private let former: termios
    private let source: any DispatchSourceRead

    /// Listens; nil if standard input is no terminal, or one whose foreground belongs to another program.
    init?(_ pressed: @escaping @Sendable (Key) -> Void) {
        var settings = termios()
        guard isatty(STDIN_FILENO) == 1, tcgetpgrp(STDIN_FILENO) == getpgrp(),
            tcgetattr(STDIN_FILENO, &settings) == 0
        else { return nil }
        former = settings
        settings.c_lflag &= ~tcflag_t(ICANON | ECHO)
        guard tcsetattr(STDIN_FILENO, TCSANOW, &settings) == 0 else { return nil }
        let source = DispatchSource.makeReadSource(fileDescriptor: STDIN_FILENO, queue: .global())
        source.setEventHandler {
            var bytes = [UInt8](repeating: 0, count: 256)
            let count = read(STDIN_FILENO, &bytes, bytes.count)
            // At the end of the input nothing is pressed any more.
            guard count > 0 else {
                source.cancel()
                return
            }
            for key in Self.keys(in: bytes[..<count]) { pressed(key) }
        }
        source.resume()
        self.source = source
    }

    /// Stops listening and restores the terminal.
    func stop() {
        source.cancel()
        var settings = former
        tcsetattr(STDIN_FILENO, TCSANOW, &settings)
    }

    /// What the bytes of a terminal mean; anything else is passed over.
    static func keys(in bytes: ArraySlice<UInt8>) -> [Key] {
        var rest = bytes
        var keys: [Key] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "q"), UInt8(ascii: "Q"): keys.append(.quit)
            case UInt8(ascii: "k"): keys.append(.up)
            case UInt8(ascii: "j"), 0x0A, 0x0D: keys.append(.down)
            case UInt8(ascii: "b"): keys.append(.pageUp)
            case UInt8(ascii: " "), UInt8(ascii: "f"): keys.append(.pageDown)
            case UInt8(ascii: "g"): keys.append(.start)
            case UInt8(ascii: "G"): keys.append(.end)
            case 0x1B: if let key = sequence(&rest) { keys.append(key) }
            default: continue
            }
        }
        return keys
    }

    /// The key of an escape sequence: `ESC [ A`, `ESC O A`, `ESC [ 5 ~`.
    private static func sequence(_ rest: inout ArraySlice<UInt8>) -> Key? {
        guard let open = rest.first, open == UInt8(ascii: "[") || open == UInt8(ascii: "O") else { return nil }
        rest = rest.dropFirst()
        // Numbers and their separators, then the byte that ends it.
        let numbers = rest.prefix { (0x20...0x3F).contains($0) }
        rest = rest.dropFirst(numbers.count)
        switch (rest.popFirst(), numbers.first) {
        case (UInt8(ascii: "A"), _): return .up
        case (UInt8(ascii: "B"), _): return .down
        case (UInt8(ascii: "H"), _), (UInt8(ascii: "~"), UInt8(ascii: "1")), (UInt8(ascii: "~"), UInt8(ascii: "7")):
            return .start
        case (UInt8(ascii: "F"), _), (UInt8(ascii: "~"), UInt8(ascii: "4")), (UInt8(ascii: "~"), UInt8(ascii: "8")):
            return .end
        case (UInt8(ascii: "~"), UInt8(ascii: "5")): return .pageUp
        case (UInt8(ascii: "~"), UInt8(ascii: "6")): return .pageDown
        default: return nil
        }
    }
}
