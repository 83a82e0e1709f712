internal import RedisClient

/// The addresses of pages, with names in them encoded.
enum Link {
    /// The first page.
    static let home = "/"
    /// Where a token is asked for, and where a session ends.
    static let signIn = "/sign-in", signOut = "/sign-out"
    /// Where live parts come from.
    static let live = "/live"

    /// The page of a cleanup, or what hangs on it.
    static func cleanup(_ name: String, _ part: String = "") -> String {
        "/cleanups/" + encoded(name) + (part.isEmpty ? "" : "/" + part)
    }

    /// The page of a run, or what hangs on it.
    static func run(_ run: String, _ part: String = "") -> String {
        "/runs/" + encoded(run) + (part.isEmpty ? "" : "/" + part)
    }

    /// A text as a part of an address: everything but letters, digits and `-._~` in percent signs.
    static func encoded(_ text: String) -> String {
        var encoded = ""
        for byte in ByteText.bytes(of: text) {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                encoded += byte < 16 ? "%0" : "%"
                encoded += String(byte, radix: 16, uppercase: true)
            }
        }
        return encoded
    }
}
