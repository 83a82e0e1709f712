internal import RedisClient

/// The user part of an address, and the options that contain a password.
///
/// A password may contain any character, but some have a meaning in addresses. So values from the environment are
/// percent-encoded there. Text that the file itself has there is kept as written.
enum UserPart {
    /// Marks an inserted value while its place is determined; no address in a file contains it.
    private static let gap: Character = "\0"

    /// Encodes the inserted pieces of an address in such places.
    static func encode(_ pieces: inout [Expansion.Piece]) {
        let form = pieces.map { $0.isInserted ? String(gap) : $0.text }.joined()
        let gaps = form.count(where: { $0 == gap })
        guard gaps == pieces.count(where: \.isInserted) else { return }
        let places = places(in: form)
        var number = 0
        for index in pieces.indices where pieces[index].isInserted {
            if let isWhole = places[number] {
                pieces[index].text = encoded(pieces[index].text, isWhole: isWhole)
            }
            number += 1
        }
    }

    /// The numbers of the insertions in such places, each with whether it holds both user and password.
    private static func places(in form: String) -> [Int: Bool] {
        var places: [Int: Bool] = [:]
        func add(_ part: Substring, isWhole: Bool) {
            let first = form[..<part.startIndex].count(where: { $0 == gap })
            for number in first..<(first + part.count(where: { $0 == gap })) { places[number] = isWhole }
        }
        if let match = form.firstMatch(of: /^[^:\/?@]*:\/\/([^\/?]*)@/) {
            add(match.1, isWhole: !match.1.contains(":"))
        }
        for match in form.matches(of: /[?&]sentinel-(?:user|password)=([^&]*)/) { add(match.1, isWhole: false) }
        return places
    }

    private static func encoded(_ text: String, isWhole: Bool) -> String {
        guard isWhole, let colon = text.firstIndex(of: ":") else { return PercentEncoding.encoded(text) }
        let password = String(text[text.index(after: colon)...])
        return PercentEncoding.encoded(String(text[..<colon])) + ":" + PercentEncoding.encoded(password)
    }
}
