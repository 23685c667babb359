//! Words too common to be keywords or to link sentences. TF-IDF would find
//! them out in a large set; in a single file only a list can.

use std::collections::HashSet;

use crate::hash::{self, ByHash};

const WORDS: [&str; 6] = [
    "a about above after again all also am an and any are as at be because been before being below \
     between both but by can can't cannot could did do does doing don't down during each few for \
     from further get had has have having he her here hers him his how i if in into is isn't it \
     it's its just like may me might more most must my no nor not now of off on once one only or \
     other our out over own same shall she should so some such than that that's the their them \
     then there these they this those through to too two under until up upon us use used using \
     very was way we were what when where which while who whom whose why will with would you your",
    "aber alle als also am an auch auf aus bei bis bin bist da damit dann das dass dem den der des \
     die dies diese dieser doch du durch ein eine einem einen einer eines er es für haben hat hatte \
     ich ihr ihre im in ist ja kann kein können man mehr mein mit nach nicht noch nur ob oder ohne \
     sehr sein seine sich sie sind so über um und uns unter vom von vor war was wenn wer werden wie \
     wir wird wo zu zum zur",
    "au aux avec ce ces cette comme dans de des du elle elles en est et eux il ils je la le les leur \
     leurs lui mais mes moi mon ne nos notre nous on ont ou où par pas plus pour qu que qui sa sans \
     se ses son sont sur ta te tes toi ton tu un une vos votre vous été être",
    "al como con cuando de del desde donde el ella ellas ellos en entre era es esta este esto está \
     fue ha hay la las le lo los me mi muy más ni no nos o para pero por porque que quien se ser si \
     sin sobre son su sus también te tiene un una uno y ya yo él",
    "alla anche che chi ci come con da dal dei del della di e gli ha ho i il in io la le lei lo loro \
     lui ma mi nel nella noi non o per più quando quello questa questo se si sono sua sul suo tra tu \
     un una uno voi è ao aos as com da das do dos ela eles em essa esse esta este eu foi isso já mais \
     mas me muito na nas no nos não o os ou para pela pelo por quando que se sem ser seu sua são \
     também um uma você",
    "aan als bij dan dat de deze die dit door een en er het hij hoe ik in is je kan maar meer met \
     mijn naar niet nog nu of om onder ons ook op over te tot uit van veel voor waar was wat we wel \
     werd wie wij zal ze zich zij zijn zo zou и в не на я что он с как а по это она к но мы у из то \
     за вы так же от для о бы его если или когда все",
];

/// The hashes of the words in small letters.
pub(crate) fn hashes() -> HashSet<u64, ByHash> {
    WORDS
        .iter()
        .flat_map(|words| words.split_whitespace())
        .map(|word| hash::of_bytes(word.as_bytes()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_is_a_stop_word_and_mailbox_is_not() {
        assert!(hashes().contains(&hash::of_bytes(b"the")));
        assert!(!hashes().contains(&hash::of_bytes(b"mailbox")));
    }
}
