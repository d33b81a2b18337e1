"""Common given names of the main European languages, without those that are words of images and medicine."""

from typing import Final

# Left out on purpose, because they are ordinary words: Mark, Rose, Grace, Faith, Hope, Will, Jack, Max,
# Art, Pat, Ray, Bill, Iris (of the eye), Viola, Ruby, Amber, Violet, Daisy, Lily, Olive, Paris, Angel,
# April, June, and of colours and places: Rosa, Virginia, Victoria, Austin.
_NAMES: Final = """
    james john robert michael william david richard joseph thomas charles christopher daniel matthew
    anthony steven paul andrew joshua kenneth kevin brian george edward ronald timothy jason jeffrey
    ryan jacob gary nicholas eric jonathan stephen larry justin scott brandon benjamin samuel gregory
    frank alexander raymond patrick dennis jerry tyler aaron henry adam peter nathan douglas zachary
    kyle walter ethan jeremy harold keith christian roger noah gerald terry sean arthur carl
    mary patricia jennifer linda elizabeth barbara susan jessica sarah karen nancy lisa betty margaret
    sandra ashley kimberly emily donna michelle carol amanda melissa deborah stephanie rebecca laura
    sharon cynthia kathleen amy angela shirley anna brenda pamela emma nicole helen samantha katherine
    christine debra rachel carolyn janet catherine maria heather diane ruth julie joyce
    kelly lauren christina joan evelyn judith megan andrea cheryl hannah jacqueline martha gloria teresa
    olivia charlotte sophie amelia isabella alice lucy oliver harry charlie oscar freddie archie
    hans peter klaus wolfgang juergen jürgen dieter manfred uwe günter guenter horst bernd helmut rainer
    stefan andreas markus matthias joachim martin thorsten torsten sven jens lars jan tobias florian
    sebastian lukas felix jonas leon finn moritz johannes philipp fabian heinz karl karl-heinz gerhard
    werner walter ursula monika petra elisabeth sabine renate helga karin brigitte ingrid erika gisela
    claudia susanne birgit heike martina gabriele angelika silke katrin kathrin anja nadine katharina
    julia lena lea leonie johanna mia greta frieda hildegard gertrud irmgard waltraud christa
    jean pierre michel andré philippe alain jacques bernard daniel françois francois nicolas christophe
    laurent frédéric frederic stéphane stephane guillaume mathieu thierry olivier sylvain gérard gerard
    rené rene claude marcel louis lucas hugo gabriel raphaël raphael léo jules antoine benoît benoit
    jeanne françoise francoise monique nathalie isabelle jacqueline anne sylvie martine madeleine
    hélène helene chantal véronique veronique céline celine aurélie aurelie émilie emilie
    manon chloé chloe inès juliette mathilde marie élodie elodie brigitte colette
    giuseppe giovanni antonio mario luigi francesco angelo vincenzo pietro salvatore carlo franco
    domenico bruno paolo michele giorgio aldo sergio luciano marco andrea alessandro matteo lorenzo
    davide simone roberto stefano fabio massimo giulia chiara francesca sara martina valentina
    alessia giorgia elisa federica paola giovanna angelina giuseppina lucia carmela caterina
    josé jose manuel juan francisco javier miguel ángel carlos jesús jesus alejandro rafael pedro
    pablo fernando luis alberto diego alvaro álvaro ramon ramón enrique vicente andrés andres raul
    carmen josefa isabel dolores pilar ana cristina marta antonia francisca mercedes luisa
    rosario elena raquel manuela beatriz concepcion concepción montserrat lourdes
    joão joao tiago rui nuno gonçalo goncalo duarte inês ines mariana beatriz leonor matilde
    johan cornelis hendrik willem pieter jacobus gerrit dirk maarten jeroen bas sander niels
    johanna wilhelmina cornelia hendrika geertruida sanne anouk femke lotte
    piotr krzysztof andrzej tomasz paweł pawel michał michal marcin jakub grzegorz wojciech
    agnieszka małgorzata malgorzata katarzyna krystyna barbara ewa elżbieta elzbieta zofia joanna
    erik anders nils björn bjorn gunnar olof sven mikael fredrik henrik magnus ola knut ole
    ingrid astrid sigrid karin birgitta kristina margareta linnea freja
    mohammed muhammad ahmed ali fatima mehmet mustafa ayse ayşe fatma emre ivan dmitri sergei olga
    natalia tatiana svetlana irina vladimir
"""
GIVEN_NAMES: Final = frozenset(_NAMES.split())
