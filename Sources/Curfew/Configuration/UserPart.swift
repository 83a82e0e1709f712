internal import RedisClient

/// The part of an address that signs in: what stands before the host, and the options that hold a password.
///
/// A password is any text, and an address has characters of its own: what the environment puts there is percent-encoded, so
/// that it means itself whatever it is. What the file itself says there stands as it was written.
enum UserPart {
    /// Stands for what is put in, while the places are looked for; no text of a file that is an address has it.
    private static let gap: Character = "\0"

    /// Encodes those pieces of an address that are put into such a place.
    static func encode(_ pieces: inout [Expansion.Piece]) {
        let form = pieces.map { $0.isPutIn ? String(gap) : $0.text }.joined()
        let gaps = form.count(where: { $0 == gap })
        guard gaps == pieces.count(where: \.isPutIn) else { return }
        let places = places(in: form)
        var number = 0
        for index in pieces.indices where pieces[index].isPutIn {
            if let isWhole = places[number] {
                pieces[index].text = encoded(pieces[index].text, isWhole: isWhole)
            }
            number += 1
        }
    }

    /// The numbers of the gaps that are in such a place, each with whether user and password come as one.
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
