/// Byte counts for people.
package enum ByteCount {
    /// The count in a suitable unit with one decimal: `512 B`, `1.5 KiB`.
    package static func text(_ bytes: Int64) -> String {
        var amount = Double(bytes)
        var units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"][...]
        while amount >= 1_024, units.count > 1 {
            amount /= 1_024
            units = units.dropFirst()
        }
        let unit = units.first ?? ""
        return unit == "B" ? "\(bytes) B" : "\((amount * 10).rounded() / 10) \(unit)"
    }
}
