#!/usr/bin/env python3
"""Writes sentences with dependencies (CoNLL-U) for `vidrio lens syntax`.

Usage: docs/lens/dependencies.py > docs/lens/dependencies.conllu

Adjectives, phrases between subject and verb, and adverbs vary the distances of related words, so that
a head that attends to a fixed distance finds few of them.
"""

import random

NOUNS = "king queen farmer teacher doctor child sailor neighbor lawyer painter soldier baker".split()
THINGS = "letter house garden bridge song picture river horse ship book window table".split()
VERBS = "saw found painted described remembered liked watched forgot sold visited".split()
ADJECTIVES = "old young tall quiet famous clever tired small red broken".split()
ADVERBS = "again yesterday quickly often".split()
PREPOSITIONS = "near behind from with".split()
SENTENCES = 120


class Sentence:
    """Words as lists of form, head (a list of the same kind, or None) and relation."""

    def __init__(self, choose):
        self.choose = choose
        self.words = []

    def add(self, form, relation):
        self.words.append([form, None, relation])
        return self.words[-1]

    def noun(self, nouns, relation):
        attributes = [self.add("the", "det")]
        if self.choose.random() < 0.5:
            attributes.append(self.add(self.choose.choice(ADJECTIVES), "amod"))
        noun = self.add(self.choose.choice(nouns), relation)
        for word in attributes:
            word[1] = noun
        return noun

    def phrase(self, noun):
        case = self.add(self.choose.choice(PREPOSITIONS), "case")
        inner = self.noun(THINGS, "nmod")
        case[1] = inner
        inner[1] = noun

    def make(self):
        subject = self.noun(NOUNS, "nsubj")
        if self.choose.random() < 0.5:
            self.phrase(subject)
        adverb = self.add("never", "advmod") if self.choose.random() < 0.3 else None
        verb = self.add(self.choose.choice(VERBS), "root")
        thing = self.noun(THINGS, "obj")
        if self.choose.random() < 0.4:
            self.phrase(thing)
        late = self.add(self.choose.choice(ADVERBS), "advmod") if self.choose.random() < 0.4 else None
        stop = self.add(".", "punct")
        for word in (subject, adverb, thing, late, stop):
            if word is not None:
                word[1] = verb
        self.words[0][0] = "The"

    def lines(self):
        for i, (form, head, relation) in enumerate(self.words):
            number = 0 if head is None else next(k for k, w in enumerate(self.words) if w is head) + 1
            last = i + 2 == len(self.words)
            misc = "SpaceAfter=No" if last else "_"
            yield "\t".join([str(i + 1), form, "_", "_", "_", "_", str(number), relation, "_", misc])


def main():
    choose = random.Random(1)
    for _ in range(SENTENCES):
        sentence = Sentence(choose)
        sentence.make()
        print("\n".join(sentence.lines()) + "\n")


if __name__ == "__main__":
    main()
